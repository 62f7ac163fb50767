// A process that the benchmark started: its last words kept for error messages, its end asked for, awaited, and forced if need be.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class ChildProcess : IAsyncDisposable
{
    private const int SigTerm = 15, TailLines = 40;
    private static readonly TimeSpan KillDeadline = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Channel<string> _output = Channel.CreateBounded<string>(
        new BoundedChannelOptions(TailLines) { FullMode = BoundedChannelFullMode.DropOldest });

    private ChildProcess(Process process) => _process = process;

    /// <summary>True once the process is gone.</summary>
    public bool HasExited => _process.HasExited;

    public int Id => _process.Id;

    /// <summary>The exit code; 143 and the like when a signal ended it.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Peak resident memory in bytes (VmHWM); null where /proc does not tell.</summary>
    public long? PeakMemory
    {
        get
        {
            var status = $"/proc/{_process.Id}/status";
            if (_process.HasExited || !File.Exists(status)) return null;
            var line = File.ReadLines(status).FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            var words = line?.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            return words is [_, var kibibytes, ..] ? long.Parse(kibibytes, CultureInfo.InvariantCulture) * 1024 : null;
        }
    }

    /// <summary>Starts <paramref name="file"/>; standard input is a pipe that closes when this process ends.</summary>
    public static ChildProcess Start(
        string file, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>>? environment = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        foreach (var (name, value) in environment ?? []) start.Environment[name] = value;

        var process = new Process { StartInfo = start };
        var child = new ChildProcess(process);
        process.OutputDataReceived += (_, line) => child.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => child.Keep(line.Data ?? "");
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>The next line that the process prints; null when it ends or the deadline passes first.</summary>
    public async Task<string?> ReadLineAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(deadline);
        try
        {
            return await _output.Reader.ReadAsync(timeout.Token);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The last lines that the process printed (40 at most are kept).</summary>
    public string Tail()
    {
        var lines = new List<string>();
        while (_output.Reader.TryRead(out var line)) lines.Add(line);
        return lines.Count == 0 ? "(it printed nothing)" : string.Join(Environment.NewLine, lines);
    }

    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Sends SIGTERM: the orderly end.</summary>
    public void Terminate()
    {
        if (!_process.HasExited) _ = Kill(_process.Id, SigTerm);
    }

    /// <summary>True when the process ended within <paramref name="deadline"/>.</summary>
    public async Task<bool> WaitForExitAsync(TimeSpan deadline)
    {
        using var timeout = new CancellationTokenSource(deadline);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await WaitForExitAsync(KillDeadline);
        }

        _process.Dispose();
    }

    // Null is the end of standard output: nobody needs to wait for a line any more.
    private void Keep(string? line)
    {
        if (line is null) _output.Writer.TryComplete();
        else if (line.Length > 0) _output.Writer.TryWrite(line);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int processId, int signal);
}
