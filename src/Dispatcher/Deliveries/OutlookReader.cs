// What is still to come of a delivery: its further attempts, and what keeps them waiting.

using Dispatcher.Platform;
using Dispatcher.Retries;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>An attempt that will be made, unless an earlier one succeeds.</summary>
/// <param name="Number">Which one, counted on from those that were made.</param>
/// <param name="Delay">How long after the failure of the one before, at least; null for the next one, whose time is known.</param>
internal sealed record PlannedAttempt(int Number, TimeSpan? Delay);

/// <summary>How a delivery may go on.</summary>
/// <param name="IsEnabled">Whether anything is sent to its integration.</param>
/// <param name="IsDeleted">Whether its integration is gone.</param>
/// <param name="BreakerUntil">When the integration is tried again at the earliest, while its circuit breaker is open; else null.</param>
/// <param name="WaitsForTurn">Whether another delivery of its ordering key comes first.</param>
/// <param name="Attempts">Those to come, by the integration's settings as they are now; none where it has ended.</param>
internal sealed record Outlook(bool IsEnabled, bool IsDeleted, DateTimeOffset? BreakerUntil, bool WaitsForTurn, IReadOnlyList<PlannedAttempt> Attempts);

internal sealed class OutlookReader(NpgsqlDataSource source, DispatcherOptions options)
{
    private const string Sql =
        """
        SELECT i.enabled, i.deleted_at IS NOT NULL, b.open_until, i.retry_base_seconds, i.retry_max_attempts, q.attempts, q.round_start, q.due_at = 'infinity'
        FROM dispatcher.integration i
        LEFT JOIN dispatcher.open_breaker b ON b.organization_id = i.organization_id AND b.integration_id = i.id
        LEFT JOIN dispatcher.queue q ON q.organization_id = i.organization_id AND q.id = $3
        WHERE i.organization_id = $1 AND i.id = $2
        """;

    /// <summary>How a delivery of an integration of the organization may go on; null where the integration is not stored any more.</summary>
    public async Task<Outlook?> ReadAsync(string organization, Guid integration, Guid delivery, CancellationToken ct)
    {
        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(integration);
        command.Parameters.AddWithValue(delivery);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        var policy = new RetryPolicy(
            reader.IsDBNull(3) ? options.Retry.BaseSeconds : reader.GetDouble(3), reader.IsDBNull(4) ? options.Retry.MaxAttempts : reader.GetInt32(4), JitterRatio: 0);
        var isLive = !reader.IsDBNull(5);
        return new Outlook(
            reader.GetBoolean(0), reader.GetBoolean(1), reader.IsDBNull(2) ? null : reader.GetFieldValue<DateTimeOffset>(2),
            isLive && reader.GetBoolean(7),
            isLive ? Plan(reader.GetInt16(5), reader.GetInt16(6), policy) : []);
    }

    /// <summary>The attempts after those made; the schedule counts from the beginning of the round.</summary>
    private static List<PlannedAttempt> Plan(int made, int roundStart, in RetryPolicy policy)
    {
        // One more is made whatever the settings are by now: the row is there.
        var plan = new List<PlannedAttempt> { new(made + 1, null) };
        for (var failed = made + 1; RetrySchedule.DelayAfter(failed - roundStart, policy, 0, null) is { } delay; failed++) plan.Add(new(failed + 1, delay));
        return plan;
    }
}
