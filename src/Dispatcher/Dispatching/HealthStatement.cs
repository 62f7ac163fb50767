// Settles what a node has seen of integrations with what the database knows: one statement, which writes on transitions only.

using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Dispatching;

internal static class HealthStatement
{
    // The three that write are about different integrations each. Those that failed go on failing since whenever that began,
    // unless they succeeded in between.
    private const string Sql =
        """
        WITH seen AS MATERIALIZED (
            SELECT * FROM unnest($1, $2, $3, $4, $5) AS s (organization_id, integration_id, failing_since, last_failure, succeeded)
        ), recovered AS (
            DELETE FROM dispatcher.integration_health h
            USING (
                SELECT h.organization_id, h.integration_id
                FROM seen s JOIN dispatcher.integration_health h USING (organization_id, integration_id)
                WHERE s.succeeded AND s.failing_since IS NULL
                ORDER BY 1, 2 FOR UPDATE OF h) r
            WHERE h.organization_id = r.organization_id AND h.integration_id = r.integration_id
        ), began AS (
            INSERT INTO dispatcher.integration_health (organization_id, integration_id, failing_since)
            SELECT s.organization_id, s.integration_id, s.failing_since
            FROM seen s JOIN dispatcher.integration i ON i.organization_id = s.organization_id AND i.id = s.integration_id
            WHERE s.failing_since IS NOT NULL AND NOT s.succeeded AND i.enabled
              AND NOT EXISTS (
                  SELECT FROM dispatcher.integration_health h WHERE h.organization_id = s.organization_id AND h.integration_id = s.integration_id)
            ORDER BY 1, 2
            ON CONFLICT DO NOTHING
        ), began_anew AS (
            INSERT INTO dispatcher.integration_health (organization_id, integration_id, failing_since)
            SELECT s.organization_id, s.integration_id, s.failing_since
            FROM seen s JOIN dispatcher.integration i ON i.organization_id = s.organization_id AND i.id = s.integration_id
            WHERE s.failing_since IS NOT NULL AND s.succeeded AND i.enabled
            ORDER BY 1, 2
            ON CONFLICT (organization_id, integration_id) DO UPDATE SET failing_since = excluded.failing_since
        )
        SELECT s.organization_id, s.integration_id, s.last_failure
        FROM seen s JOIN dispatcher.integration_health h USING (organization_id, integration_id)
        WHERE NOT s.succeeded AND h.failing_since <= s.last_failure - $6
        """;

    /// <summary>Settles; returns those that have failed for the span given, to be disabled.</summary>
    public static async Task<List<FailedIntegration>> SettleAsync(
        Dictionary<Guid, SeenAttempts> seen, TimeSpan span, NpgsqlDataSource source, CancellationToken ct)
    {
        var all = seen.ToList();
        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(all.ConvertAll(s => s.Value.Organization).ToArray());
        command.Parameters.AddWithValue(all.ConvertAll(s => s.Key).ToArray());
        command.Parameters.AddWithValue(NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, all.ConvertAll(s => s.Value.FailingSince).ToArray());
        command.Parameters.AddWithValue(NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, all.ConvertAll(s => s.Value.LastFailure).ToArray());
        command.Parameters.AddWithValue(all.ConvertAll(s => s.Value.Succeeded).ToArray());
        command.Parameters.AddWithValue(span);
        var overdue = new List<FailedIntegration>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
            overdue.Add(new FailedIntegration(reader.GetString(0), reader.GetGuid(1), reader.GetFieldValue<DateTimeOffset>(2)));
        return overdue;
    }
}
