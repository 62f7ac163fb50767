// Claims what waits in the database: rows of API-only nodes, retries that fall due, rows that did not fit, rows of nodes that died.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Asks for the lanes that something was heard of, and now and then sweeps over all: the safety net under notifications and alarms.
/// Each lane gets what it wants and no more, in turn, so that neither a claim nor the memory belongs to one of them.
/// </summary>
internal sealed partial class Claimer(
    NpgsqlDataSource source, LaneSet lanes, NodeRegistry node, Wakeup wakeup, DispatcherOptions options, TimeProvider time, ILogger<Claimer> logger) : BackgroundService
{
    private const int MaxRows = 1000;
    private const long MaxBytes = 16 * 1024 * 1024;
    private const int SweepStep = 1000;

    private static readonly TimeSpan SweepEvery = TimeSpan.FromMilliseconds(500);

    // Sweeping costs a probe per integration that has live rows: where these are many it is done less often, at a tenth of the time.
    private const int SweepRest = 10;

    private long _sweptAt;
    private TimeSpan _rest;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.HasRole("worker")) return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var asked = await wakeup.WaitAsync(UntilSweep(), stoppingToken);
                // First: of an ordering key, only the row that has the turn is due.
                var moreTurns = await TurnStatement.ExecuteAsync(source, stoppingToken);
                if (asked.All || UntilSweep() <= TimeSpan.Zero) await SweepAsync(asked.Lanes, stoppingToken);
                await ClaimAsync(asked.Lanes, stoppingToken);
                if (moreTurns) wakeup.AskAll();
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogClaimFailed(e.Message);
                await Task.Delay(SweepEvery, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                wakeup.AskAll();
            }
        }
    }

    private TimeSpan UntilSweep() => _rest - time.GetElapsedTime(_sweptAt);

    private async Task SweepAsync(HashSet<Guid> found, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        for (var after = Guid.Empty; ;)
        {
            var due = await ClaimStatement.FindDueLanesAsync(source, after, lanes.FullLanes(), SweepStep, ct);
            found.UnionWith(due);
            if (due.Count < SweepStep) break;
            after = due[^1];
        }

        _sweptAt = time.GetTimestamp();
        var rest = time.GetElapsedTime(began, _sweptAt) * SweepRest;
        _rest = rest > SweepEvery ? rest : SweepEvery;
    }

    /// <summary>Claims for the lanes given, round by round, until each has what it wants or nothing is left for it.</summary>
    private async Task ClaimAsync(HashSet<Guid> asked, CancellationToken ct)
    {
        var waiting = new Queue<Guid>(asked);
        var chunk = new List<(Guid Lane, int Wanted)>();
        while (waiting.Count > 0 && !ct.IsCancellationRequested)
        {
            using var holding = lanes.Hold();
            if (holding.Owner is not { } owner || !node.MaySend(owner)) return;
            Gather(waiting, chunk);
            if (chunk.Count == 0) return;
            var claimed = await ClaimAsync(owner, chunk);
            foreach (var lane in LeftBehind(chunk, claimed)) waiting.Enqueue(lane);
        }
    }

    private void Gather(Queue<Guid> waiting, List<(Guid Lane, int Wanted)> chunk)
    {
        chunk.Clear();
        for (var rows = 0; rows < MaxRows && waiting.TryDequeue(out var lane);)
        {
            var wanted = Math.Min(lanes.WantedBy(lane), MaxRows - rows);
            if (wanted <= 0) continue;
            chunk.Add((lane, wanted));
            rows += wanted;
        }
    }

    private async Task<List<Delivery>> ClaimAsync(NodeIdentity owner, List<(Guid Lane, int Wanted)> chunk)
    {
        try
        {
            // Not to be cancelled: rows that were taken must come to memory.
            var claimed = await ClaimStatement.ClaimAsync(source, owner, chunk, MaxBytes, CancellationToken.None);
            lanes.Enqueue(claimed);
            return claimed;
        }
        catch (Exception e) when (e is not PostgresException || StoreFault.IsUnavailable(e))
        {
            node.Retire(owner);
            throw;
        }
    }

    /// <summary>The lanes that probably have more: they got all that they wanted, or the claim was cut by its bytes.</summary>
    private static IEnumerable<Guid> LeftBehind(List<(Guid Lane, int Wanted)> chunk, List<Delivery> claimed)
    {
        if (claimed.Count == 0) return [];
        var got = claimed.CountBy(d => d.IntegrationId).ToDictionary();
        var cut = claimed.Sum(d => (long)d.Payload.Length) >= MaxBytes;
        return chunk.Where(c => cut || got.GetValueOrDefault(c.Lane) >= c.Wanted).Select(c => c.Lane);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Claiming failed: {Reason}")]
    private partial void LogClaimFailed(string reason);
}
