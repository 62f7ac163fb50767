// What waits for bad neighbours: put into the database as accepting would have left it, only faster.
namespace Dispatcher.Benchmarks.Harness;

internal static class DueBacklog
{
    private const int Chunk = 100_000;

    /// <summary>An id of a millisecond and a number: UUIDv7, in the order of its numbers.</summary>
    private const string EventId =
        "(lpad(to_hex($3::bigint + n / 100), 12, '0') || '7' || lpad(to_hex(n % 100 * 40), 3, '0') || '8' || substr(md5(n::text || $1::text), 1, 15))::uuid";

    private const string Seed =
        $$"""
        WITH item AS MATERIALIZED (
            SELECT n, {{EventId}} AS id FROM generate_series($4::bigint, $5::bigint - 1) n
        ), stored AS (
            INSERT INTO dispatcher.event (organization_id, id, type, retention, payload)
            SELECT 'default', id, $2, 0, convert_to(format('{"job_id":"job_%s","status":"successful","usage":{"pages_parsed":%s,"cost" : 1.50},"note":"%s"}', n, n % 100, md5(n::text)), 'UTF8')
            FROM item
        )
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention)
        SELECT 'default', dispatcher.delivery_id(id), id, $1, to_timestamp(($3::bigint + n / 100) / 1000.0), 0 FROM item
        """;

    private const string Register =
        """
        INSERT INTO dispatcher.organization (id, name)
        SELECT 'crowd-' || n, 'Crowd ' || n FROM generate_series(0, 499) n ON CONFLICT DO NOTHING;
        INSERT INTO dispatcher.integration (organization_id, id, type, events, target)
        SELECT 'crowd-' || n % 500, dispatcher.uuid_v7(), 'webhook', ARRAY['crowd.*'], 'http://127.0.0.1:9/' FROM generate_series(1, 10000) n;
        """;

    private const string Wait =
        """
        WITH item AS MATERIALIZED (
            SELECT g.organization_id, g.id AS integration_id, dispatcher.uuid_v7() AS id
            FROM dispatcher.integration g, generate_series(1, 10) WHERE g.organization_id LIKE 'crowd-%'
        ), stored AS (
            INSERT INTO dispatcher.event (organization_id, id, type, retention, payload) SELECT organization_id, id, 'crowd.event', 0, '{}' FROM item
        )
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, retention)
        SELECT organization_id, dispatcher.delivery_id(id), id, integration_id, now() + interval '1 day', 8, 0 FROM item
        """;

    /// <summary>Deliveries <paramref name="from"/> to <paramref name="to"/> of an integration that nobody owns, due since yesterday.</summary>
    public static async Task SeedAsync(
        StageDatabase database, BenchIntegration integration, int from, int to, CancellationToken cancellationToken)
    {
        var began = await BeganAsync(database, cancellationToken);
        for (var first = from; first < to; first += Chunk)
        {
            await database.ExecuteAsync(
                Seed, cancellationToken, integration.Id, integration.EventType, began, (long)first, (long)Math.Min(to, first + Chunk));
        }

        await database.ExecuteAsync("ANALYZE dispatcher.queue", cancellationToken);
    }

    /// <summary>10,000 integrations of 500 other organizations, each with ten deliveries that wait for a retry.</summary>
    public static async Task SeedCrowdAsync(StageDatabase database, CancellationToken cancellationToken)
    {
        await database.ExecuteAsync(Register, cancellationToken);
        await database.ExecuteAsync(Wait, cancellationToken);
    }

    // The first hour of yesterday, whose partitions every server has: older than anything that comes in now.
    private static Task<long> BeganAsync(StageDatabase database, CancellationToken cancellationToken)
    {
        const string sql = "SELECT (extract(epoch FROM date_trunc('day', now(), 'UTC') - interval '1 day') * 1000)::bigint";
        return database.ScalarAsync<long>(sql, cancellationToken);
    }
}
