// Counts what is in the database, and whether all of it belongs together.

using Npgsql;

namespace Dispatcher.Tests.Fuzz;

internal static class Census
{
    /// <summary>How the rows of a table are named in the <see cref="Ledger"/>.</summary>
    public static readonly IReadOnlyDictionary<string, string> Tables = new Dictionary<string, string>
    {
        ["organization"] = "SELECT id FROM dispatcher.organization",
        ["project"] = "SELECT organization_id || '/' || id FROM dispatcher.project WHERE id <> 'default'",
        ["api_key"] = "SELECT 'key_' || replace(id::text, '-', '') FROM dispatcher.api_key WHERE revoked_at IS NULL",
        ["integration"] = "SELECT organization_id || '/int_' || replace(id::text, '-', '') FROM dispatcher.integration WHERE deleted_at IS NULL",
        ["event_type"] = "SELECT name FROM dispatcher.event_type",
        ["job"] = "SELECT organization_id || '/' || id FROM dispatcher.job",
        ["task"] = "SELECT 'tsk_' || replace(id::text, '-', '') FROM dispatcher.task",
        ["event"] = "SELECT organization_id || '/evt_' || replace(id::text, '-', '') FROM dispatcher.event",
    };

    /// <summary>Events that no answer names, because a job's state emitted them.</summary>
    public static readonly IReadOnlyDictionary<string, string> Emitted = new Dictionary<string, string>
    {
        ["event"] =
            """
            SELECT e.organization_id || '/evt_' || replace(e.id::text, '-', '') FROM dispatcher.event e
            JOIN dispatcher.job j ON j.organization_id = e.organization_id AND j.id = e.ordering_key AND convert_from(e.payload, 'UTF8') LIKE '%"' || j.id || '"%'
            """,
    };

    /// <summary>What must never be: each finds rows that were stored by halves.</summary>
    public static readonly IReadOnlyDictionary<string, string> Broken = new Dictionary<string, string>
    {
        ["integrations without exactly one current secret"] =
            """
            SELECT i.id::text FROM dispatcher.integration i WHERE i.deleted_at IS NULL AND 1 <> (
                SELECT count(*) FROM dispatcher.integration_secret s WHERE s.organization_id = i.organization_id AND s.integration_id = i.id AND s.expires_at IS NULL)
            """,
        ["live deliveries without their event or integration"] =
            """
            SELECT q.id::text FROM dispatcher.queue q
            WHERE NOT EXISTS (SELECT FROM dispatcher.event e WHERE e.organization_id = q.organization_id AND e.id = q.event_id)
               OR NOT EXISTS (SELECT FROM dispatcher.integration i WHERE i.organization_id = q.organization_id AND i.id = q.integration_id)
            """,
        ["finished deliveries without their event"] =
            "SELECT d.id::text FROM dispatcher.delivery d WHERE NOT EXISTS (SELECT FROM dispatcher.event e WHERE e.organization_id = d.organization_id AND e.id = d.event_id)",
        ["deliveries that are live and finished"] =
            "SELECT d.id::text FROM dispatcher.delivery d JOIN dispatcher.queue q ON q.organization_id = d.organization_id AND q.id = d.id",
        ["dedupe ids without their event"] =
            "SELECT d.dedupe_id FROM dispatcher.event_dedupe d WHERE NOT EXISTS (SELECT FROM dispatcher.event e WHERE e.organization_id = d.organization_id AND e.id = d.event_id)",
        ["events whose dedupe id is not kept"] =
            """
            SELECT e.id::text FROM dispatcher.event e WHERE e.dedupe_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM dispatcher.event_dedupe d WHERE d.organization_id = e.organization_id AND d.dedupe_id = e.dedupe_id AND d.event_id = e.id)
            """,
        ["jobs that do not have one event of every kind that their states emit"] =
            """
            SELECT j.organization_id || '/' || j.id || ' ' || t.type FROM dispatcher.job j
            CROSS JOIN LATERAL (VALUES ('job.created'), (CASE j.status WHEN 'pending' THEN 'job.created' WHEN 'successful' THEN 'job.completed' WHEN 'failure' THEN 'job.failed' ELSE 'job.' || j.status END)) AS t (type)
            WHERE 1 <> (SELECT count(*) FROM dispatcher.event e WHERE e.organization_id = j.organization_id AND e.ordering_key = j.id AND e.type = t.type
                AND convert_from(e.payload, 'UTF8') LIKE '%"' || j.id || '"%')
            """,
        ["requests that still hold their Idempotency-Key"] = "SELECT encode(key_hash, 'hex') FROM dispatcher.idempotency WHERE status IS NULL",
    };

    public static async Task<Dictionary<string, HashSet<string>>> TakeAsync(string connectionString, IReadOnlyDictionary<string, string> queries)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        var found = new Dictionary<string, HashSet<string>>();
        foreach (var (name, sql) in queries) found[name] = [.. (await ReadAsync(connection, sql)).Keys];
        return found;
    }

    /// <summary>How many deliveries each event has.</summary>
    public static async Task<Dictionary<string, int>> DeliveriesAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        return await ReadAsync(
            connection, "SELECT 'evt_' || replace(event_id::text, '-', '') FROM (SELECT event_id FROM dispatcher.queue UNION ALL SELECT event_id FROM dispatcher.delivery) d");
    }

    private static async Task<Dictionary<string, int>> ReadAsync(NpgsqlConnection connection, string sql)
    {
        var rows = new Dictionary<string, int>(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) rows[reader.GetString(0)] = rows.GetValueOrDefault(reader.GetString(0)) + 1;
        return rows;
    }
}
