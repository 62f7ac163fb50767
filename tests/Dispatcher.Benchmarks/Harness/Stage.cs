// One server on a database of its own, with one integration that points at the receiver: where a figure's rounds are played.
using System.Diagnostics;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What a round cost. Log bytes and statements are per delivery; statements are null without pg_stat_statements.</summary>
/// <param name="WalBytes">Write-ahead log.</param>
/// <param name="Statements">SQL statements.</param>
/// <param name="PeakMemory">The server's peak resident memory since it started, bytes; null where the system does not tell.</param>
internal sealed record Cost(double WalBytes, double? Statements, long? PeakMemory);

/// <summary>A round that is over.</summary>
/// <param name="StartedAt">Stopwatch ticks before the first event was published, or the server was started on its backlog.</param>
/// <param name="RecordedAt">Stopwatch ticks when everything had arrived and nothing was left in the queue.</param>
/// <param name="Arrivals">What the receiver saw.</param>
/// <param name="Cost">What it cost.</param>
/// <param name="Problems">What was not as it must be; empty normally.</param>
internal sealed record Round(long StartedAt, long RecordedAt, LedgerSummary Arrivals, Cost Cost, IReadOnlyList<string> Problems);

internal sealed class Stage : IAsyncDisposable
{
    public const string AllRoles = "api,worker", ApiOnly = "api";

    private static readonly TimeSpan ArrivalPoll = TimeSpan.FromMilliseconds(20), RecordPoll = TimeSpan.FromMilliseconds(5);

    private readonly Lab _lab;
    private readonly StageDatabase _database;
    private ServerProcess _server;
    private Publisher _publisher;
    private string _secret = "";

    private Stage(Lab lab, StageDatabase database, ServerProcess server)
    {
        _lab = lab;
        _database = database;
        _server = server;
        _publisher = new Publisher(server);
    }

    /// <summary>Makes a database, starts a server on it and registers the integration.</summary>
    public static async Task<Stage> OpenAsync(Lab lab, string roles, CancellationToken cancellationToken)
    {
        var database = await lab.CreateDatabaseAsync(cancellationToken);
        Stage? stage = null;
        try
        {
            var server = await ServerProcess.StartAsync(lab.Options.ServerAssembly, database.ConnectionString, roles, cancellationToken);
            stage = new Stage(lab, database, server);
            stage._secret = await BenchIntegration.RegisterAsync(server, lab.Receiver.Hook, cancellationToken);
            return stage;
        }
        catch
        {
            await (stage?.DisposeAsync() ?? database.DisposeAsync());
            throw;
        }
    }

    /// <summary>Publishes <paramref name="count"/> events and waits until they are delivered and recorded.</summary>
    /// <param name="count">Events in the round.</param>
    /// <param name="publish">Publishes them, given the number of the round.</param>
    /// <param name="cancellationToken">Gives up early.</param>
    public async Task<Round> PlayAsync(
        int count, Func<Publisher, int, CancellationToken, Task> publish, CancellationToken cancellationToken)
    {
        using var deadline = RoundDeadline(cancellationToken);
        await _database.CheckpointAsync(deadline.Token);
        var before = await _database.SnapshotAsync(deadline.Token);
        var number = await OpenRoundAsync(count, mark: 0, deadline.Token);
        var startedAt = Stopwatch.GetTimestamp();
        await publish(_publisher, number, deadline.Token);
        return await FinishAsync(count, before, startedAt, deadline.Token);
    }

    /// <summary>
    /// Leaves <paramref name="count"/> deliveries due behind a server that does not send, and lets a new one that does work them off;
    /// the first <paramref name="warmUp"/> of them warm it, and <see cref="LedgerSummary.MarkedAt"/> tells when they had come.
    /// </summary>
    public async Task<Round> PlayBacklogAsync(int warmUp, int count, CancellationToken cancellationToken)
    {
        using var deadline = RoundDeadline(cancellationToken);
        var number = await OpenRoundAsync(count, warmUp, deadline.Token);
        await _publisher.BatchesAsync(number, count, deadline.Token);
        List<string> problems = [];
        var early = await _lab.Receiver.ReceivedAsync(deadline.Token);
        if (early > 0) problems.Add($"{early:n0} events came while nothing should send");
        if (await _server.StopAsync() is { } unclean) problems.Add(unclean);
        await _database.CheckpointAsync(deadline.Token);
        var before = await _database.SnapshotAsync(deadline.Token);
        if (before.Live != count) problems.Add($"{before.Live:n0} of {count:n0} deliveries were waiting");

        var startedAt = Stopwatch.GetTimestamp();
        await RestartAsync(AllRoles, deadline.Token);
        var round = await FinishAsync(count, before, startedAt, deadline.Token);
        return round with { Problems = [.. problems, .. round.Problems] };
    }

    /// <summary>Ends the server in an orderly way; tells what was wrong with that, and whether anything came late.</summary>
    public async Task<IReadOnlyList<string>> CloseAsync(CancellationToken cancellationToken)
    {
        List<string> problems = [];
        var before = await _lab.Receiver.SummarizeAsync(cancellationToken);
        if (await _server.StopAsync() is { } unclean) problems.Add(unclean);
        var after = await _lab.Receiver.SummarizeAsync(cancellationToken);
        if (after != before) problems.Add("POSTs came after the last round was over");
        return problems;
    }

    public async ValueTask DisposeAsync()
    {
        _publisher.Dispose();
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    private static CancellationTokenSource RoundDeadline(CancellationToken cancellationToken)
    {
        var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadlines.Round);
        return deadline;
    }

    private async Task<int> OpenRoundAsync(int count, int mark, CancellationToken cancellationToken)
    {
        var number = _lab.Rounds.Next();
        await _lab.Receiver.ResetAsync(new LedgerSettings(number, count, mark, _secret), cancellationToken);
        return number;
    }

    private async Task RestartAsync(string roles, CancellationToken cancellationToken)
    {
        var next = await ServerProcess.StartAsync(_lab.Options.ServerAssembly, _database.ConnectionString, roles, cancellationToken);
        await _server.DisposeAsync();
        _server = next;
        _publisher.Dispose();
        _publisher = new Publisher(_server);
    }

    private async Task<Round> FinishAsync(int count, DatabaseSnapshot before, long startedAt, CancellationToken cancellationToken)
    {
        await WaitForArrivalsAsync(count, cancellationToken);
        await WaitForRecordsAsync(cancellationToken);
        var recordedAt = Stopwatch.GetTimestamp();

        var after = await _database.SnapshotAsync(cancellationToken);
        var arrivals = await _lab.Receiver.SummarizeAsync(cancellationToken);
        var wal = (double)(after.WalPosition - before.WalPosition) / count;
        var statements = (double?)(after.Statements - before.Statements) / count;
        IReadOnlyList<string> problems = [.. Verification.OfArrivals(arrivals, count), .. Verification.OfRecords(before, after, count)];
        return new Round(startedAt, recordedAt, arrivals, new Cost(wal, statements, _server.PeakMemory), problems);
    }

    // Ends without a word when no more come: the verification then says what is missing.
    private async Task WaitForArrivalsAsync(int count, CancellationToken cancellationToken)
    {
        var (best, since) = (-1, Stopwatch.GetTimestamp());
        while (true)
        {
            _server.EnsureAlive();
            var received = await _lab.Receiver.ReceivedAsync(cancellationToken);
            if (received == count) return;
            if (received > best) (best, since) = (received, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) > Deadlines.Stall) return;
            await Task.Delay(ArrivalPoll, cancellationToken);
        }
    }

    private async Task WaitForRecordsAsync(CancellationToken cancellationToken)
    {
        var since = Stopwatch.GetTimestamp();
        while (!await _database.IsDrainedAsync(cancellationToken) && Stopwatch.GetElapsedTime(since) < Deadlines.Stall)
            await Task.Delay(RecordPoll, cancellationToken);
    }
}
