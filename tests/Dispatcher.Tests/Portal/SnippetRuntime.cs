// How the verification code of each language is started, as its first lines tell customers to.

using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Dispatcher.Pages.Integrations;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

/// <summary>What runs one language's code.</summary>
/// <param name="Packages">The Debian packages that it comes in.</param>
/// <param name="Probes">Commands of which one has to succeed where it is installed. The first word of that one is the tool.</param>
/// <param name="Run">The command that runs the code, by the tool and the folder that holds the code.</param>
/// <param name="Build">Run once before, where that is needed.</param>
internal sealed record SnippetRuntime(string Packages, string[][] Probes, Func<string, string, string[]> Run, string[]? Build = null)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // What "dotnet new web" makes, but for the package: its assembly is here.
    private static readonly string Project = $"""
        <Project Sdk="Microsoft.NET.Sdk.Web">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <Nullable>enable</Nullable>
            <ImplicitUsings>enable</ImplicitUsings>
            <UseAppHost>false</UseAppHost>
          </PropertyGroup>
          <ItemGroup>
            <Reference Include="{Path.Combine(AppContext.BaseDirectory, "Dispatcher.Client.dll")}" />
          </ItemGroup>
        </Project>
        """;

    public static SnippetRuntime Of(string language, string scheme) => (language, scheme) switch
    {
        ("node", _) => new("nodejs", [["node", "--version"]], (node, _) => [node, "webhook.mjs"]),
        ("python", "ed25519") => new(
            "python3 python3-cryptography",
            [["python3", "-c", "import cryptography"], ["/usr/bin/python3", "-c", "import cryptography"]],
            (python, _) => [python, "webhook.py"]),
        ("python", _) => new("python3", [["python3", "--version"]], (python, _) => [python, "webhook.py"]),
        ("csharp" or "csharp-client", _) => new(
            "dotnet-sdk-10.0",
            [["dotnet", "--version"]],
            (dotnet, _) => [dotnet, "out/hook.dll"],
            ["dotnet", "build", "hook.csproj", "-o", "out", "-warnaserror", "-nodeReuse:false", "-p:UseSharedCompilation=false"]),
        ("go", _) => new("golang-go", [["go", "version"]], (_, folder) => [Path.Combine(folder, "hook")], ["go", "build", "-o", "hook", "main.go"]),
        ("java", _) => new(
            "default-jdk-headless", [["javac", "--version"]], (_, _) => ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "Webhooks.java"]),
        ("ruby", _) => new(
            "ruby ruby-rack ruby-webrick",
            [["rackup", "--version"]],
            (rackup, _) => [rackup, "--quiet", "--server", "webrick", "--host", "127.0.0.1", "--port", "0", "config.ru"]),
        ("php", _) => new(
            "php-cli", [["php", "-r", "exit(extension_loaded('sodium') ? 0 : 1);"]], (php, _) => [php, "-S", "127.0.0.1:0", "webhook.php"]),
        ("shell", _) => new("openssl curl", [["sh", "-c", "openssl version && curl --version"]], (_, _) => ["sh", "webhook.sh"]),
        _ => throw new ArgumentOutOfRangeException(nameof(language), language, "No test knows how to run this language."),
    };

    /// <summary>Writes the code into a folder and makes it ready; the command that runs it there. Skips the test where the language is missing.</summary>
    public async Task<string[]> PrepareAsync(string folder, VerificationLanguage language, string code)
    {
        var tool = await FindAsync(folder);
        Assert.SkipWhen(tool is null, $"{language.Title} is not installed with all that its code needs: run 'apt-get install {Packages}'.");
        await File.WriteAllTextAsync(Path.Combine(folder, language.FileName), code);
        if (language.Syntax == "csharp") await File.WriteAllTextAsync(Path.Combine(folder, "hook.csproj"), Project);
        if (Build is not null)
        {
            var (exitCode, said) = await RunAsync(folder, Build);
            Assert.True(exitCode == 0, $"{string.Join(' ', Build)} ended with {exitCode}:\n{said}");
        }

        return Run(tool, folder);
    }

    /// <summary>Runs a command to its end; its exit code, and all that it wrote.</summary>
    public static async Task<(int ExitCode, string Said)> RunAsync(string folder, string[] command, string? secret = null, byte[]? input = null)
    {
        using var process = Process.Start(Start(folder, command, secret))!;
        using var deadline = new CancellationTokenSource(Patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            try
            {
                await process.StandardInput.BaseStream.WriteAsync(input ?? [], deadline.Token);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It has ended without reading its input.
            }

            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output + await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{string.Join(' ', command)}' did not end within {Patience}.");
        }
    }

    /// <summary>How a command is started: with a secret or without one, on any free port, and with nothing of what this machine happens to have set.</summary>
    public static ProcessStartInfo Start(string folder, string[] command, string? secret)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        string[] ours = ["ASPNETCORE_", "MSBUILD", "WEBHOOK_"];
        foreach (var inherited in start.Environment.Keys.Where(k => ours.Any(o => k.StartsWith(o, StringComparison.OrdinalIgnoreCase))).ToList())
            start.Environment.Remove(inherited);
        start.Environment["PORT"] = "0";
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["GOCACHE"] = Path.Combine(folder, "cache");
        start.Environment["GOFLAGS"] = "-mod=mod";
        start.Environment["GOPROXY"] = "off";
        start.Environment["GOTOOLCHAIN"] = "local";
        if (secret is not null) start.Environment["WEBHOOK_SECRET"] = secret;
        return start;
    }

    private async Task<string?> FindAsync(string folder)
    {
        foreach (var probe in Probes)
        {
            try
            {
                if ((await RunAsync(folder, probe)).ExitCode == 0) return probe[0];
            }
            catch (Win32Exception)
            {
                // There is no such program.
            }
        }

        return null;
    }
}
