// The npm packages that receivers verify webhooks with, run in Node.

using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Dispatcher.Tests.Signing;

/// <summary>
/// Installs the packages pinned in Node/package-lock.json into a cache folder, once for all runs, and runs verify.mjs there.
/// </summary>
public sealed class NodeVerifiers : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly string[] Sources = ["package.json", "package-lock.json", "verify.mjs"];

    private string? _folder;
    private string? _missing;

    public async ValueTask InitializeAsync()
    {
        foreach (var tool in new[] { "node", "npm" })
        {
            if (await TryRunAsync(tool, ["--version"], Path.GetTempPath(), "") is null)
            {
                _missing = $"'{tool}' is not installed: run 'apt-get install nodejs npm', or install Node.js 18 or newer in another way.";
                return;
            }
        }

        _folder = await InstallAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>
    /// For each webhook <c>verified</c>, or the message with which the library refuses it. Skips the test where Node is missing.
    /// </summary>
    internal async Task<string[]> VerifyAsync(params ReceivedSignature[] webhooks)
    {
        Assert.SkipWhen(_missing is not null, _missing ?? "");
        var input = JsonSerializer.Serialize(webhooks, JsonSerializerOptions.Web);
        var output = await TryRunAsync("node", ["verify.mjs"], _folder!, input);
        return JsonSerializer.Deserialize<string[]>(output!)!;
    }

    // Installed beside its final place and moved there whole, so that runs side by side cannot see half of it.
    private static async Task<string> InstallAsync()
    {
        var source = Path.Combine(RepositoryRoot(), "tests", "Dispatcher.Tests", "Node");
        var contents = Sources.Select(name => File.ReadAllText(Path.Combine(source, name)));
        var version = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Concat(contents))))[..16];
        var cached = Path.Combine(Path.GetTempPath(), $"dispatcher-node-verifiers-{version}");
        if (Directory.Exists(cached)) return cached;

        var fresh = Directory.CreateTempSubdirectory("dispatcher-node-verifiers-new-").FullName;
        foreach (var name in Sources) File.Copy(Path.Combine(source, name), Path.Combine(fresh, name));
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
            var said = await errors;
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

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dispatcher.sln"))) folder = folder.Parent;
        return folder?.FullName ?? throw new DirectoryNotFoundException("The tests do not run inside the repository.");
    }
}

/// <summary>A webhook as it was received, for a library to verify.</summary>
internal sealed record ReceivedSignature(string Library, string Secret, IReadOnlyDictionary<string, string> Headers, byte[] Body);
