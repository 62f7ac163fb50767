// The receiver, seen from the benchmark: started, reset before a round, asked during and after it.
using System.Globalization;
using System.Net.Http.Json;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class ReceiverProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(20), StopDeadline = TimeSpan.FromSeconds(10);

    private readonly ChildProcess _process;
    private readonly HttpClient _client;

    private ReceiverProcess(ChildProcess process, int port)
    {
        _process = process;
        _client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
        Hook = new Uri(_client.BaseAddress, Receiver.HookPath);
    }

    public int ProcessId => _process.Id;

    /// <summary>Where webhooks go.</summary>
    public Uri Hook { get; }

    /// <summary>Where a bad neighbour's webhooks go.</summary>
    public Uri Bad(BadNeighbour kind) => new(Hook, BadNeighbours.PathOf(kind));

    public static async Task<ReceiverProcess> StartAsync(CancellationToken cancellationToken)
    {
        // Started by `dotnet run` this program is its own executable; by `dotnet Dispatcher.Benchmarks.dll` it is dotnet.
        var self = Environment.ProcessPath!;
        var hosted = Path.GetFileNameWithoutExtension(self) == "dotnet";
        string[] arguments = hosted ? [Environment.GetCommandLineArgs()[0], BenchOptions.ReceiveVerb] : [BenchOptions.ReceiveVerb];
        var process = ChildProcess.Start(self, arguments);
        var line = await process.ReadLineAsync(StartDeadline, cancellationToken);
        if (int.TryParse(line, CultureInfo.InvariantCulture, out var port)) return new ReceiverProcess(process, port);

        await process.DisposeAsync();
        throw new InvalidOperationException($"The receiver did not start: {line} {process.Tail()}");
    }

    /// <summary>Forgets the last round and waits for the next.</summary>
    public async Task ResetAsync(LedgerSettings settings, CancellationToken cancellationToken)
    {
        using var answer = await _client.PostAsJsonAsync(
            Receiver.ResetPath, settings, LedgerJson.Default.LedgerSettings, cancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Different events received in this round.</summary>
    public async Task<int> ReceivedAsync(CancellationToken cancellationToken) =>
        int.Parse(await _client.GetStringAsync(Receiver.ReceivedPath, cancellationToken), CultureInfo.InvariantCulture);

    /// <summary>POSTs that bad neighbours got so far.</summary>
    public async Task<int> ReceivedByBadAsync(CancellationToken cancellationToken) =>
        int.Parse(await _client.GetStringAsync(Receiver.BadReceivedPath, cancellationToken), CultureInfo.InvariantCulture);

    public async Task<LedgerSummary> SummarizeAsync(CancellationToken cancellationToken) =>
        (await _client.GetFromJsonAsync(Receiver.StatsPath, LedgerJson.Default.LedgerSummary, cancellationToken))!;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _process.CloseInput();
        await _process.WaitForExitAsync(StopDeadline);
        await _process.DisposeAsync();
    }
}
