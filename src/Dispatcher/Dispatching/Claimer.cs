// Claims what waits in the database: rows of API-only nodes, retries that fall due, rows that did not fit, rows of nodes that died.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

internal sealed partial class Claimer(
    NpgsqlDataSource source, LaneSet lanes, NodeRegistry node, Wakeup wakeup, DispatcherOptions options, TimeProvider time, ILogger<Claimer> logger) : BackgroundService
{
    /// <summary>How often the database is asked when nothing rings: the safety net under notifications.</summary>
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    private const int MaxClaim = 1000;
    private const int MaxClaimPerLane = 1000;
    private const long MaxClaimBytes = 16 * 1024 * 1024;

    private Guid? _resume;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.HasRole("worker")) return;
        var more = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!more) await wakeup.SleepAsync(Poll, stoppingToken);
                more = await ClaimAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                more = false;
                LogClaimFailed(e.Message);
                await Task.Delay(Poll, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Claims once. Returns whether to go on at once.</summary>
    private async Task<bool> ClaimAsync(CancellationToken ct)
    {
        using var holding = lanes.Hold();
        if (holding.Owner is not { } owner || !node.MaySend(owner)) return false;
        var limit = Math.Min(MaxClaim, holding.Room);
        if (limit <= 0) return false;

        try
        {
            var claim = await ClaimStatement.ExecuteAsync(
                source, owner, _resume, holding.FullLanes, MaxClaimPerLane, limit, MaxClaimBytes, CancellationToken.None);
            var wrapped = _resume is not null && claim.Resume is null;
            _resume = claim.Resume;
            lanes.Enqueue(claim.Deliveries);
            return (claim.Deliveries.Count > 0 || wrapped) && !ct.IsCancellationRequested;
        }
        catch (Exception e) when (e is not PostgresException || StoreFault.IsUnavailable(e))
        {
            node.Retire(owner);
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Claiming failed: {Reason}")]
    private partial void LogClaimFailed(string reason);
}
