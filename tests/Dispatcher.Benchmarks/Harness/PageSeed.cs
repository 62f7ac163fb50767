// A server of many organizations as its operators find it after a week: what the pages of the dashboard and of the portal read.
namespace Dispatcher.Benchmarks.Harness;

/// <summary>
/// 2,000 integrations of 200 organizations, of which one has 30 % of all deliveries; today and the seven days before, counted as the
/// server counts them. One delivery in fifty waits, spread over all: two thirds for the first attempt, one third after a failure. Failures
/// are spread over all integrations alike, which is the most that the ranking of failures can have to sort.
/// </summary>
internal sealed class PageSeed(StageDatabase database, int deliveries)
{
    private static readonly ArchiveShape Shape = new(Days: 8, Others: 199, Integrations: 2000, BigTenths: 3);

    // What the server would have counted, by the minute for as long as it keeps minutes, and by the hour; for each integration, each
    // organization and the server. A delivery that is exhausted had ten attempts.
    private const string Counts =
        """
        CREATE PROCEDURE pg_temp.seed_counts(age integer) LANGUAGE plpgsql AS $seed$
        DECLARE
            day  timestamptz := date_trunc('day', now(), 'UTC') - make_interval(days => age);
            unit text;
        BEGIN
            PERFORM dispatcher.ensure_stats_partitions((day AT TIME ZONE 'UTC')::date, (day AT TIME ZONE 'UTC')::date);
            FOREACH unit IN ARRAY CASE WHEN age <= 1 THEN ARRAY['hour', 'minute'] ELSE ARRAY['hour'] END LOOP
                EXECUTE format($stats$
                    INSERT INTO dispatcher.stats_%1$s (organization_id, integration_id, at, events, deliveries, succeeded, exhausted, cancelled,
                        latency_us, latency_from, outcomes, latency)
                    SELECT coalesce(organization_id, ''), coalesce(integration_id, '00000000-0000-0000-0000-000000000000'), at,
                           CASE WHEN integration_id IS NULL THEN made / 2 ELSE 0 END, CASE WHEN integration_id IS NULL THEN made ELSE 0 END,
                           succeeded, exhausted, cancelled, 4000 * attempts, 10,
                           CASE WHEN exhausted > 0 THEN ARRAY[succeeded, 10 * exhausted] WHEN succeeded > 0 THEN ARRAY[succeeded] ELSE '{}' END,
                           CASE WHEN attempts = 0 THEN '{}' WHEN attempts < 9 THEN ARRAY[attempts] ELSE array_fill(attempts / 9, ARRAY[9]) END
                    FROM (
                        SELECT organization_id, integration_id, at, count(*) AS made, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
                               count(*) FILTER (WHERE status = 'exhausted') AS exhausted, count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
                               sum(attempts)::bigint AS attempts
                        FROM (
                            SELECT organization_id, integration_id, status, attempts, date_trunc('%1$s', coalesce(last_started_at, finished_at), 'UTC') AS at
                            FROM dispatcher.delivery
                            WHERE id >= dispatcher.uuid_floor($1) AND id < dispatcher.uuid_floor($1 + interval '1 day')) d
                        GROUP BY GROUPING SETS ((organization_id, integration_id, at), (organization_id, at), (at))) c
                    $stats$, unit) USING day;
            END LOOP;
        END $seed$
        """;

    // The newest of every organization's events, so many that it makes the number asked for.
    private const string Live =
        """
        WITH chosen AS MATERIALIZED (
            SELECT e.organization_id, e.id, row_number() OVER (ORDER BY e.id) AS n, o.number
            FROM (SELECT o.id, row_number() OVER (ORDER BY o.id) AS number FROM dispatcher.organization o WHERE o.id LIKE 'corp-%') o
            CROSS JOIN LATERAL (
                SELECT e.organization_id, e.id FROM dispatcher.event e WHERE e.organization_id = o.id ORDER BY e.id DESC LIMIT $1 / 200) e
        ), waiting AS (
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, owner, attempts, retention)
            SELECT c.organization_id, dispatcher.delivery_id(c.id), c.id, g.ids[1 + c.n % cardinality(g.ids)], now() + interval '1 day',
                   CASE WHEN c.n % 4001 = 0 THEN (SELECT max(id) FROM dispatcher.node) END, CASE WHEN c.n % 3 = 0 THEN 2 ELSE 0 END, 0
            FROM chosen c
            JOIN (SELECT organization_id, array_agg(id ORDER BY id) AS ids FROM dispatcher.integration GROUP BY 1) g USING (organization_id)
            RETURNING organization_id, id, attempts
        )
        INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
            request_headers, signature, response_headers, response_body, retention)
        SELECT w.organization_id, w.id, n, now(), 1500, 'server_error', 503, '192.0.2.1:443', 1, 'v1,c2VlZGVk', 'content-type: text/plain', '\x4e6f', 0
        FROM waiting w, generate_series(1, w.attempts) n
        """;

    private const string Surroundings =
        """
        INSERT INTO dispatcher.event_type (name, description)
        SELECT 'job.' || name, 'Seeded' FROM unnest(ARRAY['completed', 'created', 'failed', 'cancelled', 'rare']) name ON CONFLICT DO NOTHING;
        INSERT INTO dispatcher.project (organization_id, id, name) SELECT 'corp-0', 'project-' || n, 'Seeded ' || n FROM generate_series(1, 200) n;
        INSERT INTO dispatcher.api_key (id, role, organization_id, name, hash)
        SELECT dispatcher.uuid_v7(), CASE WHEN n % 20 = 0 THEN 'operator' ELSE 'member' END, CASE WHEN n % 20 > 0 THEN 'corp-' || n % 7 END, 'Seeded ' || n,
               sha256(convert_to('seeded ' || n, 'UTF8'))
        FROM generate_series(1, 10000) n;
        INSERT INTO dispatcher.audit (organization_id, id, action, actor_kind, target_kind, target_id, details, remote_address)
        SELECT CASE WHEN n % 5 = 0 THEN '' ELSE 'corp-' || n % 7 END, dispatcher.uuid_v7(), 'integration.updated', 'operator_key', 'integration', 'int_' || n % 300,
               '{"changed":["target"]}', '192.0.2.9'
        FROM generate_series(1, 100000) n;
        """;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var archive = new ArchiveSeed(database, deliveries, Shape);
        await archive.FillAsync(cancellationToken);
        await database.ExecuteAsync(Counts, cancellationToken);
        for (var age = Shape.Days - 1; age >= 0; age--) await database.ExecuteAsync("CALL pg_temp.seed_counts($1)", cancellationToken, age);
        await database.ExecuteAsync(Live, cancellationToken, Math.Max(200L, deliveries / 50));
        await database.ExecuteAsync(Surroundings, cancellationToken);
        await archive.SettleAsync(cancellationToken);
    }
}
