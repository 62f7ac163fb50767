// Servers on a database of their own, with integrations that point at the receiver: where a figure's rounds are played.
using System.Diagnostics;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What a round cost. Log bytes and statements are per delivery; statements are null without pg_stat_statements.</summary>
/// <param name="WalBytes">Write-ahead log.</param>
/// <param name="Statements">SQL statements.</param>
/// <param name="PeakMemory">Peak resident memory since its start of the server that took most, bytes; null where the system does not tell.</param>
/// <param name="Cpu">Processor time per delivery, in seconds; null where the system does not tell.</param>
internal sealed record Cost(double WalBytes, double? Statements, long? PeakMemory, CpuTimes? Cpu);

/// <summary>What went on during a whole round.</summary>
/// <param name="Elapsed">How long it took.</param>
/// <param name="Cpu">Processor time; null where the system does not tell.</param>
/// <param name="Before">The database before it.</param>
/// <param name="After">The database after it.</param>
internal sealed record Effort(TimeSpan Elapsed, CpuTimes? Cpu, DatabaseSnapshot Before, DatabaseSnapshot After);

/// <summary>A round that is over.</summary>
/// <param name="StartedAt">Stopwatch ticks before the first event was published, or the server was started on its backlog.</param>
/// <param name="RecordedAt">Stopwatch ticks when everything had arrived and nothing was left in the queue.</param>
/// <param name="Arrivals">What the receiver saw.</param>
/// <param name="Cost">What it cost.</param>
/// <param name="Effort">What went on meanwhile.</param>
/// <param name="Problems">What was not as it must be; empty normally.</param>
internal sealed record Round(
    long StartedAt, long RecordedAt, LedgerSummary Arrivals, Cost Cost, Effort Effort, IReadOnlyList<string> Problems);

internal sealed class Stage : IAsyncDisposable
{
    public const string AllRoles = "api,worker", ApiOnly = "api", WorkerOnly = "worker";

    private static readonly TimeSpan ArrivalPoll = TimeSpan.FromMilliseconds(20), RecordPoll = TimeSpan.FromMilliseconds(5);

    private readonly Lab _lab;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly List<ServerProcess> _servers = [];
    private readonly CpuMeter _meter;
    private Publisher _publisher;
    private BenchIntegration[] _integrations = [];

    private Stage(Lab lab, StageDatabase database, IReadOnlyDictionary<string, string> settings)
    {
        _lab = lab;
        _settings = settings;
        Database = database;
        _meter = new CpuMeter(lab.Receiver.ProcessId, database.Postmaster);
        _publisher = new Publisher([], []);
    }

    public StageDatabase Database { get; }

    /// <summary>The first server: for calls other than publishing.</summary>
    public ServerProcess Server => _servers[0];

    public static Task<Stage> OpenAsync(Lab lab, string roles, CancellationToken cancellationToken) =>
        OpenAsync(lab, [roles], 1, cancellationToken);

    /// <summary>As the other, with further settings for the servers, as environment variables.</summary>
    public static Task<Stage> OpenAsync(Lab lab, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken) =>
        OpenAsync(lab, [AllRoles], 1, settings, cancellationToken);

    public static Task<Stage> OpenAsync(Lab lab, IReadOnlyList<string> nodes, int integrations, CancellationToken cancellationToken) =>
        OpenAsync(lab, nodes, integrations, new Dictionary<string, string>(), cancellationToken);

    /// <summary>Makes a database, starts servers on it and registers integrations.</summary>
    /// <param name="lab">What the figures share.</param>
    /// <param name="nodes">The roles of each server. Events are published to those that have the role <c>api</c>.</param>
    /// <param name="integrations">How many; each gets events of a type of its own.</param>
    /// <param name="settings">Further settings of the servers.</param>
    /// <param name="cancellationToken">Gives up early.</param>
    private static async Task<Stage> OpenAsync(
        Lab lab, IReadOnlyList<string> nodes, int integrations, IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var stage = new Stage(lab, await lab.CreateDatabaseAsync(cancellationToken), settings);
        try
        {
            await stage.StartServersAsync(nodes, cancellationToken);
            for (var number = 0; number < integrations; number++)
            {
                var type = number == 0 ? BenchIntegration.MainType : $"{BenchIntegration.MainType}.{number}";
                stage._integrations = [.. stage._integrations, await BenchIntegration.RegisterAsync(stage.Server, type, lab.Receiver.Hook, cancellationToken)];
            }

            stage.Database.Integrations = Array.ConvertAll(stage._integrations, integration => integration.Id);
            stage.Publish();
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
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
        await Database.CheckpointAsync(deadline.Token);
        var before = await Database.SnapshotAsync(deadline.Token);
        var number = await OpenRoundAsync(count, mark: 0, deadline.Token);
        var (startedAt, cpu) = (Stopwatch.GetTimestamp(), ReadCpu());
        await publish(_publisher, number, deadline.Token);
        return await FinishAsync(count, mark: 0, before, startedAt, cpu, deadline.Token);
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
        problems.AddRange(await StopServersAsync());
        await Database.CheckpointAsync(deadline.Token);
        var before = await Database.SnapshotAsync(deadline.Token);
        if (before.Live != count) problems.Add($"{before.Live:n0} of {count:n0} deliveries were waiting");

        var startedAt = Stopwatch.GetTimestamp();
        await StartServersAsync([AllRoles], deadline.Token);
        Publish();
        var round = await FinishAsync(count, warmUp, before, startedAt, ReadCpu(), deadline.Token);
        return round with { Problems = [.. problems, .. round.Problems] };
    }

    /// <summary>Ends the server in an orderly way; tells what was wrong with that, and whether anything came late.</summary>
    public async Task<IReadOnlyList<string>> CloseAsync(CancellationToken cancellationToken)
    {
        List<string> problems = [];
        var before = await _lab.Receiver.SummarizeAsync(cancellationToken);
        problems.AddRange(await StopServersAsync());
        var after = await _lab.Receiver.SummarizeAsync(cancellationToken);
        if (after != before) problems.Add("POSTs came after the last round was over");
        return problems;
    }

    /// <summary>Processor time so far; null where the system does not tell.</summary>
    public CpuTimes? ReadCpu() => _meter.Read(_servers.Select(server => server.ProcessId));

    public async ValueTask DisposeAsync()
    {
        _publisher.Dispose();
        foreach (var server in _servers) await server.DisposeAsync();
        await Database.DisposeAsync();
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
        await _lab.Receiver.ResetAsync(new LedgerSettings(number, count, mark, Array.ConvertAll(_integrations, integration => integration.Secret)), cancellationToken);
        return number;
    }

    // One after the other: the first brings the database to its schema.
    private async Task StartServersAsync(IReadOnlyList<string> nodes, CancellationToken cancellationToken)
    {
        foreach (var roles in nodes)
            _servers.Add(await ServerProcess.StartAsync(_lab.Options.ServerAssembly, Database.ConnectionString, roles, _settings, cancellationToken));
    }

    private async Task<List<string>> StopServersAsync()
    {
        List<string> problems = [];
        foreach (var server in _servers)
        {
            if (await server.StopAsync() is { } unclean) problems.Add(unclean);
            await server.DisposeAsync();
        }

        _servers.Clear();
        return problems;
    }

    private void Publish()
    {
        _publisher.Dispose();
        _publisher = new Publisher(_servers.FindAll(server => server.Accepts), Array.ConvertAll(_integrations, integration => integration.EventType));
    }

    private async Task<Round> FinishAsync(
        int count, int mark, DatabaseSnapshot before, long startedAt, CpuTimes? cpuAtStart, CancellationToken cancellationToken)
    {
        // What a cold process costs until the mark is left out of the cost of a delivery, as it is left out of the rate.
        var (markedCpu, marked) = mark == 0 ? (cpuAtStart, 0) : (null, 0);
        await WaitForArrivalsAsync(
            count,
            received =>
            {
                if (marked == 0 && mark > 0 && received >= mark) (markedCpu, marked) = (ReadCpu(), received);
            },
            cancellationToken);
        await WaitForRecordsAsync(cancellationToken);
        var (recordedAt, cpuAtEnd) = (Stopwatch.GetTimestamp(), ReadCpu());

        var after = await Database.SnapshotAsync(cancellationToken);
        var arrivals = await _lab.Receiver.SummarizeAsync(cancellationToken);
        var cost = new Cost(
            (double)(after.WalPosition - before.WalPosition) / count,
            (double?)(after.Statements - before.Statements) / count,
            _servers.Max(server => server.PeakMemory),
            cpuAtEnd is not null && markedCpu is not null && count > marked ? (cpuAtEnd - markedCpu).Per(count - marked) : null);
        var effort = new Effort(
            Stopwatch.GetElapsedTime(startedAt, recordedAt), cpuAtEnd is null || cpuAtStart is null ? null : cpuAtEnd - cpuAtStart, before, after);
        IReadOnlyList<string> problems = [.. Verification.OfArrivals(arrivals, count), .. Verification.OfRecords(before, after, count)];
        return new Round(startedAt, recordedAt, arrivals, cost, effort, problems);
    }

    // Ends without a word when no more come: the verification then says what is missing.
    private async Task WaitForArrivalsAsync(int count, Action<int> onPoll, CancellationToken cancellationToken)
    {
        var (best, since) = (-1, Stopwatch.GetTimestamp());
        while (true)
        {
            foreach (var server in _servers) server.EnsureAlive();
            var received = await _lab.Receiver.ReceivedAsync(cancellationToken);
            onPoll(received);
            if (received == count) return;
            if (received > best) (best, since) = (received, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) > Deadlines.Stall) return;
            await Task.Delay(ArrivalPoll, cancellationToken);
        }
    }

    private async Task WaitForRecordsAsync(CancellationToken cancellationToken)
    {
        var since = Stopwatch.GetTimestamp();
        while (!await Database.IsDrainedAsync(cancellationToken) && Stopwatch.GetElapsedTime(since) < Deadlines.Stall)
            await Task.Delay(RecordPoll, cancellationToken);
    }
}
