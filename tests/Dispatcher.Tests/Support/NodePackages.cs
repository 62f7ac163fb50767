// npm packages for tests, run in Node.

using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;

namespace Dispatcher.Tests.Support;

/// <summary>
/// A folder of the tests with package.json, package-lock.json and scripts: installed as pinned there into a cache folder, once for all
/// runs. Tests are skipped where Node is missing.
/// </summary>
internal sealed class NodePackages
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string? _folder;
    private readonly string? _missing;

    private NodePackages(string? folder, string? missing) => (_folder, _missing) = (folder, missing);

    /// <param name="name">The folder, below that of the test project.</param>
    public static async Task<NodePackages> InstallAsync(string name)
    {
        foreach (var tool in new[] { "node", "npm" })
        {
            if (await TryRunAsync(tool, ["--version"], Path.GetTempPath(), "") is null)
                return new NodePackages(null, $"'{tool}' is not installed: run 'apt-get install nodejs npm', or install Node.js 18 or newer in another way.");
        }

        var source = Path.Combine(RepositoryRoot, "tests", "Dispatcher.Tests", name);
        return new NodePackages(await InstallAsync(name.Replace('/', '-').ToLowerInvariant(), Directory.GetFiles(source)), null);
    }

    /// <summary>The repository that the tests run in.</summary>
    public static string RepositoryRoot
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dispatcher.sln"))) folder = folder.Parent;
            return folder?.FullName ?? throw new DirectoryNotFoundException("The tests do not run inside the repository.");
        }
    }

    /// <summary>Runs Node in the folder; what it prints. Fails with what it prints when it ends with another code than 0.</summary>
    public async Task<string> RunAsync(string input, params string[] arguments)
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        return (await TryRunAsync("node", arguments, _folder!, input))!;
    }

    // Installed beside its final place and moved there whole, so that runs side by side cannot see half of it.
    private static async Task<string> InstallAsync(string name, string[] files)
    {
        Array.Sort(files, StringComparer.Ordinal);
        var contents = string.Concat(files.Select(File.ReadAllText));
        var version = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(contents)))[..16];
        var cached = Path.Combine(Path.GetTempPath(), $"dispatcher-{name}-{version}");
        if (Directory.Exists(cached)) return cached;

        var fresh = Directory.CreateTempSubdirectory($"dispatcher-{name}-new-").FullName;
        foreach (var file in files) File.Copy(file, Path.Combine(fresh, Path.GetFileName(file)));
        await TryRunAsync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], fresh, "");
        try
        {
            Directory.Move(fresh, cached);
        }
        catch (IOException) when (Directory.Exists(cached))
        {
            Directory.Delete(fresh, recursive: true);
        }

        return cached;
    }

    // Null if there is no such program.
    private static async Task<string?> TryRunAsync(string program, string[] arguments, string folder, string input)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception)
        {
            return null;
        }

        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.StandardInput.WriteAsync(input.AsMemory(), deadline.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            var said = $"{await output}{await errors}";
            return process.ExitCode == 0
                ? await output
                : throw new InvalidOperationException($"'{program} {string.Join(' ', arguments)}' failed in {folder}: {said}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{program} {string.Join(' ', arguments)}' in {folder} did not end within {Patience}.");
        }
    }
}
