// Watches for integrations that fail without one success, and disables those that have done so for days.

using Dispatcher.Platform;
using Dispatcher.Sending;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Keeps since when an integration has been failing in dispatcher.integration_health. What was seen is settled with the database every
/// <see cref="Every"/>, in one statement that writes only where an integration begins or ceases to fail; one that has failed for long
/// enough is disabled then. A success on another node counts once that node has settled it.
/// </summary>
internal sealed partial class FailureWatch(
    NpgsqlDataSource source, Consequences consequences, DispatcherOptions options, TimeProvider time, ILogger<FailureWatch> logger) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    private readonly TimeSpan _span = TimeSpan.FromDays(options.Delivery.DisableAfterDays);
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Lock _gate = new();
    private Dictionary<Guid, SeenAttempts> _seen = [];

    /// <summary>Notes how an attempt went, once it is durable.</summary>
    public void Saw(FinishedAttempt attempt)
    {
        // A proxy of the operator's that fails says nothing of the receiver.
        if (_span == TimeSpan.Zero || attempt.Result.Outcome == SendOutcome.ProxyFailed) return;
        var at = attempt.Result.StartedAt + attempt.Result.Latency;
        lock (_gate)
        {
            if (!_seen.TryGetValue(attempt.Delivery.IntegrationId, out var seen))
                _seen[attempt.Delivery.IntegrationId] = seen = new SeenAttempts(attempt.Delivery.Organization);
            if (attempt.Result.Outcome == SendOutcome.Succeeded) seen.Success(at);
            else seen.Failure(at, SystemEvents.IsOne(attempt.Delivery.EventType));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await SettleAsync();
        }

        // The last time after the recorder has stopped, like the counters.
        await SettleAsync();
    }

    /// <summary>Settles all that was seen up to now. A failure is logged, and what was seen is kept for the next time.</summary>
    public async Task SettleAsync()
    {
        await _one.WaitAsync();
        try
        {
            await SettleSeenAsync();
        }
        finally
        {
            _one.Release();
        }
    }

    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    private async Task SettleSeenAsync()
    {
        Dictionary<Guid, SeenAttempts> seen;
        lock (_gate)
        {
            if (_seen.Count == 0) return;
            (seen, _seen) = (_seen, []);
        }

        try
        {
            var overdue = await HealthStatement.SettleAsync(seen, _span, source, CancellationToken.None);
            if (overdue.Count == 0) return;
            var quiet = overdue.Where(f => !seen[f.Id].FailedForOthers).Select(f => f.Id).ToHashSet();
            foreach (var disabled in await consequences.DisableFailingAsync(overdue, quiet, _span, CancellationToken.None))
                LogDisabled(Ids.Format(Ids.Integration, disabled.Id), options.Delivery.DisableAfterDays);
        }
        catch (Exception e)
        {
            LogFailed(e.Message);
            PutBack(seen);
        }
    }

    private void PutBack(Dictionary<Guid, SeenAttempts> seen)
    {
        lock (_gate)
        {
            foreach (var (integration, later) in _seen)
                if (seen.TryGetValue(integration, out var earlier)) later.Follow(earlier);
            foreach (var (integration, earlier) in seen) _seen.TryAdd(integration, earlier);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Integration} was disabled: every attempt has failed for {Days} days")]
    private partial void LogDisabled(string integration, double days);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Settling which integrations fail did not succeed and is tried again: {Reason}")]
    private partial void LogFailed(string reason);
}

/// <summary>How the attempts of an integration went since the last settlement. Batches are recorded side by side, so the times decide and not the order of the calls.</summary>
internal sealed class SeenAttempts(string organization)
{
    private DateTimeOffset? _lastSuccess;

    public string Organization { get; } = organization;

    public bool Succeeded => _lastSuccess is not null;

    /// <summary>The first failure after the last success; null when there is none.</summary>
    public DateTimeOffset? FailingSince { get; private set; }

    public DateTimeOffset? LastFailure { get; private set; }

    /// <summary>Whether an event failed that is not the server's own.</summary>
    public bool FailedForOthers { get; private set; }

    public void Success(DateTimeOffset at)
    {
        if (_lastSuccess is null || at > _lastSuccess) _lastSuccess = at;
        if (FailingSince <= at) FailingSince = LastFailure > at ? LastFailure : null;
    }

    public void Failure(DateTimeOffset at, bool ofSystemEvent)
    {
        FailedForOthers |= !ofSystemEvent;
        if (LastFailure is null || at > LastFailure) LastFailure = at;
        if (_lastSuccess >= at) return;
        if (FailingSince is null || at < FailingSince) FailingSince = at;
    }

    /// <summary>Adds what was seen before this.</summary>
    public void Follow(SeenAttempts earlier)
    {
        FailedForOthers |= earlier.FailedForOthers;
        LastFailure ??= earlier.LastFailure;
        if (!Succeeded) FailingSince = earlier.FailingSince ?? FailingSince;
        _lastSuccess ??= earlier._lastSuccess;
    }
}
