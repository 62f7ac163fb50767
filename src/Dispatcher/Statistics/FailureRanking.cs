// Which integrations fail most, across organizations: from the hours' counters, and only those that hold failures.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Statistics;

internal sealed class FailureRanking(NpgsqlDataSource source, CounterFlush flush, TimeProvider time)
{
    public const int MaxLimit = 250;
    public const int DefaultLimit = 20;

    /// <summary>
    /// Of a row: all outcomes but the first one, success, in the order of <see cref="OutcomeOrder"/>. Written out, which takes a fifth of the
    /// time that a subquery for each row does; and most hours have failures of the few first kinds only, for zeros at the end are not stored.
    /// </summary>
    private static readonly string Failed =
        $"CASE cardinality(s.outcomes) WHEN 2 THEN s.outcomes[2] WHEN 3 THEN {SumTo(3)} WHEN 4 THEN {SumTo(4)} ELSE {SumTo(OutcomeOrder.All.Length)} END";

    // First who they are, from the hours in which somebody failed (stats_hour_failing); then what else they did, from the hours of these few.
    // Grouped by the integration alone, whose id is its own on the whole server: the planner takes the organization's for independent of it,
    // expects as many groups as rows, and sorts all of them.
    private static readonly string Sql =
        $"""
        WITH failing AS MATERIALIZED (
            SELECT min(s.organization_id) AS organization_id, s.integration_id, sum({Failed})::bigint AS failed
            FROM dispatcher.stats_hour s
            WHERE s.at >= $1 AND s.at < $2 AND s.failing AND s.integration_id <> '00000000-0000-0000-0000-000000000000'
              AND ($3::text IS NULL OR s.organization_id = $3)
            GROUP BY s.integration_id
        ), worst AS MATERIALIZED (
            SELECT f.* FROM failing f
            JOIN dispatcher.integration g ON g.organization_id = f.organization_id AND g.id = f.integration_id AND g.deleted_at IS NULL
            ORDER BY f.failed DESC, f.integration_id LIMIT $4
        )
        SELECT w.organization_id, w.integration_id, g.name, g.project, g.target, did.succeeded, w.failed, did.exhausted, g.enabled, g.disabled_reason,
               b.open_until, h.failing_since
        FROM worst w
        JOIN dispatcher.integration g ON g.organization_id = w.organization_id AND g.id = w.integration_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.outcomes[1]), 0)::bigint AS succeeded, coalesce(sum(s.exhausted), 0)::bigint AS exhausted
            FROM dispatcher.stats_hour s
            WHERE s.organization_id = w.organization_id AND s.integration_id = w.integration_id AND s.at >= $1 AND s.at < $2) did
        LEFT JOIN dispatcher.open_breaker b ON b.organization_id = w.organization_id AND b.integration_id = w.integration_id
        LEFT JOIN dispatcher.integration_health h ON h.organization_id = w.organization_id AND h.integration_id = w.integration_id
        ORDER BY w.failed DESC, w.integration_id
        """;

    /// <summary>The integrations with the most failed attempts in a span.</summary>
    /// <param name="organization">Only this one's; null: all.</param>
    /// <param name="period">By the hour.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<FailingIntegrations> ReadAsync(string? organization, StatisticsPeriod period, int limit, CancellationToken ct)
    {
        await flush.FlushAsync(ct);
        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(period.Since);
        command.Parameters.AddWithValue(period.Until ?? DateTimeOffset.MaxValue);
        command.Parameters.AddWithValue((object?)organization ?? DBNull.Value);
        command.Parameters.AddWithValue(limit);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<FailingIntegration>();
        while (await reader.ReadAsync(ct)) rows.Add(Read(reader));
        return new FailingIntegrations(organization, period.Since, period.Until ?? time.GetUtcNow(), rows);
    }

    private static string SumTo(int last) => string.Join(" + ", Enumerable.Range(2, last - 1).Select(n => $"coalesce(s.outcomes[{n}], 0)"));

    private static FailingIntegration Read(NpgsqlDataReader reader)
    {
        var (succeeded, failed) = (reader.GetInt64(5), reader.GetInt64(6));
        return new FailingIntegration(
            reader.GetString(0), Ids.Format(Ids.Integration, reader.GetGuid(1)), TextAt(2), TextAt(3), reader.GetString(4),
            succeeded, failed, (double)succeeded / (succeeded + failed), reader.GetInt64(7), reader.GetBoolean(8), TextAt(9), TimeAt(10), TimeAt(11));

        string? TextAt(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        DateTimeOffset? TimeAt(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }
}
