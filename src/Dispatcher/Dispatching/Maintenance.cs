// What has to be done now and then, by whichever node comes first: every step is safe to run on all nodes at once.

using Dispatcher.Access;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Dispatcher.Storage;
using Npgsql;

namespace Dispatcher.Dispatching;

internal sealed partial class Maintenance(
    NpgsqlDataSource source, LaneSet lanes, Erasure erasure, Counters counters, DispatcherOptions options, TimeProvider time, ILogger<Maintenance> logger) : BackgroundService
{
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Seldom = TimeSpan.FromMinutes(10);

    private const int CancelStep = 5000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Often, time);
        long? seldomDoneAt = null;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryAsync(CancelDeletedAsync, stoppingToken);
                await TryAsync(erasure.ContinueAsync, stoppingToken);
                if (seldomDoneAt is { } at && time.GetElapsedTime(at) < Seldom) continue;
                // Noted first: what fails, such as a drop that met a lock, is not tried again at once.
                seldomDoneAt = time.GetTimestamp();
                await TryAsync(TidyAsync, stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    /// <summary>One part that fails does not keep the others from being done.</summary>
    private async Task TryAsync(Func<CancellationToken, Task> part, CancellationToken ct)
    {
        try
        {
            await part(ct);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            LogFailed(e.Message);
        }
    }

    private async Task TidyAsync(CancellationToken ct)
    {
        lanes.DropIdle();
        await Partitions.EnsureAsync(source, time, ct);
        if (await Partitions.DropExpiredAsync(source, time, options.Retention.Days, ct) is > 0 and var dropped) LogDropped(dropped, options.Retention.Days);
        await StatisticsPartitions.DropExpiredAsync(source, time, options.Retention.Days, ct);
        if (await AuditPartitions.DropExpiredAsync(source, time, options.Retention.AuditDays, ct) is > 0 and var months)
            LogAuditDropped(months, options.Retention.AuditDays);
        await ExecuteAsync("DELETE FROM dispatcher.idempotency WHERE created_at < now() - interval '24 hours'", ct);
        await ExecuteAsync("DELETE FROM dispatcher.integration_secret WHERE expires_at < now() - interval '1 day'", ct);
        // For a day an old link is told from one that never was.
        await ExecuteAsync("DELETE FROM dispatcher.operator_session WHERE expires_at < now()", ct);
        await ExecuteAsync("DELETE FROM dispatcher.portal_session WHERE expires_at < now() - interval '1 day'", ct);
        await ExecuteAsync("DELETE FROM dispatcher.task WHERE finished_at < now() - interval '30 days'", ct);
        // A deleted integration is kept until nothing can still be fanning out to it.
        await ExecuteAsync(
            """
            DELETE FROM dispatcher.integration i
            WHERE i.deleted_at < now() - interval '1 hour'
              AND NOT EXISTS (SELECT FROM dispatcher.queue q WHERE q.integration_id = i.id)
            """, ct);
    }

    /// <summary>Cancels what waits for integrations that were deleted, in steps, so that a million rows hold no lock for long.</summary>
    private async Task CancelDeletedAsync(CancellationToken ct)
    {
        while (await CancelStepAsync(
            $"""
            WITH doomed AS (
                SELECT q.organization_id, q.id
                FROM dispatcher.integration i JOIN dispatcher.queue q ON q.integration_id = i.id
                WHERE i.deleted_at IS NOT NULL AND q.owner IS NULL
                LIMIT {CancelStep} FOR UPDATE OF q SKIP LOCKED
            ), gone AS (
                DELETE FROM dispatcher.queue q USING doomed d WHERE q.organization_id = d.organization_id AND q.id = d.id
                RETURNING q.organization_id, q.id, q.event_id, q.integration_id, q.attempts, q.retention
            ), archived AS (
                INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, project, event_type, status, attempts, finished_at, retention)
                SELECT g.organization_id, g.id, g.event_id, g.integration_id, e.project, e.type, 'cancelled', g.attempts, now(), g.retention
                FROM gone g JOIN dispatcher.event e ON e.organization_id = g.organization_id AND e.id = g.event_id
                RETURNING organization_id, integration_id
            )
            SELECT organization_id, integration_id, count(*) FROM archived GROUP BY 1, 2
            """, ct) == CancelStep)
        {
        }
    }

    private async Task<long> CancelStepAsync(string sql, CancellationToken ct)
    {
        var cancelled = 0L;
        await using var command = source.CreateCommand(sql);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            cancelled += reader.GetInt64(2);
            counters.Ended(reader.GetString(0), reader.GetGuid(1), DeliveryEnd.Cancelled, reader.GetInt64(2));
        }

        return cancelled;
    }

    private async Task<int> ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Dropped {Count} partitions older than {Days} days")]
    private partial void LogDropped(int count, int days);

    [LoggerMessage(Level = LogLevel.Information, Message = "Dropped {Count} months of the audit trail older than {Days} days")]
    private partial void LogAuditDropped(int count, int days);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Maintenance failed and is tried again: {Reason}")]
    private partial void LogFailed(string reason);
}
