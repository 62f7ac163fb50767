using System.ComponentModel;
using System.Diagnostics;

namespace Dispatcher.Storage.Embedded;

/// <summary>How a command-line tool ended, and all that it printed to either stream.</summary>
internal sealed record ToolResult(int ExitCode, string Output)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>The end of the output, where tools put their reason.</summary>
    public string Reason => Output.Length == 0 ? $"exit code {ExitCode}, nothing printed" : Tool.LastLines(Output, 10);
}

/// <summary>Runs command-line tools to their end.</summary>
internal static class Tool
{
    /// <summary>
    /// The first executable of that name on a PATH, as a full path, or null. The current folder is not searched, unlike
    /// <see cref="Process"/> does for bare names: what lies there must never run as root.
    /// </summary>
    public static string? Find(string name, string path) =>
        Folders(path).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>The absolute folders of a PATH, in its order.</summary>
    public static IEnumerable<string> Folders(string path) =>
        path.Split(':', StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathRooted);

    /// <summary>Runs to the end and captures the output. Cancelled or past the limit, it is killed with its children.</summary>
    /// <exception cref="EmbeddedPostgresException">It could not be run, or did not end within the limit.</exception>
    public static async Task<ToolResult> RunAsync(ProcessStartInfo start, TimeSpan limit, CancellationToken ct)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = Start(start);
        process.StandardInput.Close();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = process.StandardError.ReadToEndAsync(timeout.Token);
            var texts = await Task.WhenAll(output, errors);
            await process.WaitForExitAsync(timeout.Token);
            return new ToolResult(process.ExitCode, string.Concat(texts).Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            ct.ThrowIfCancellationRequested();
            throw new EmbeddedPostgresException($"{start.FileName} did not end within {limit.TotalSeconds:0} s and was killed.");
        }
    }

    public static string LastLines(string text, int count) =>
        string.Join('\n', text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(count));

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception cause)
        {
            throw new EmbeddedPostgresException($"{start.FileName} could not be run: {cause.Message}.", cause);
        }
    }
}
