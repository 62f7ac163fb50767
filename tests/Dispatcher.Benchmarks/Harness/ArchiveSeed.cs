// Days of finished deliveries, with what belongs to them, in the shape that the server would have left them in.
namespace Dispatcher.Benchmarks.Harness;

/// <summary>How deliveries are spread.</summary>
/// <param name="Days">Over so many days, of which today is the last.</param>
/// <param name="Others">Organizations besides the big one, equal among themselves.</param>
/// <param name="Integrations">Of all organizations; the big one has the first <see cref="ArchiveSeed.OfBig"/>.</param>
/// <param name="BigTenths">How many tenths of all deliveries are the big organization's.</param>
internal sealed record ArchiveShape(int Days, int Others, int Integrations, int BigTenths)
{
    /// <summary>A month of 21 organizations, of which one has most of it.</summary>
    public static readonly ArchiveShape Month = new(30, 20, 1000, 6);
}

/// <summary>
/// One organization has 100 integrations and a large part of all deliveries, two of its integrations 30 % of
/// those. Each event has two deliveries; 2 % are exhausted after ten attempts, 0.1 % cancelled. Types are from most of all to one a day,
/// and one that has not come for a month.
/// </summary>
internal sealed class ArchiveSeed(StageDatabase database, int deliveries, ArchiveShape shape)
{
    public const string Big = "corp-0", Small = "corp-3";

    /// <summary>The integrations of the big organization are numbers 1 to this.</summary>
    public const int OfBig = 100;

    private const int MostLive = 1_000_000;

    private string Tenants =>
        $$"""
        INSERT INTO dispatcher.organization (id, name) SELECT 'corp-' || n, 'Seeded ' || n FROM generate_series(0, {{shape.Others}}) n;
        INSERT INTO dispatcher.integration (organization_id, id, type, events, target)
        SELECT {{OwnerOf("n")}}, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'webhook', ARRAY['seeded.never'], 'http://127.0.0.1:9/'
        FROM generate_series(1, {{shape.Integrations}}) n;
        SELECT dispatcher.ensure_partitions((now() AT TIME ZONE 'UTC')::date - {{shape.Days - 1}}, (now() AT TIME ZONE 'UTC')::date);
        INSERT INTO dispatcher.request_headers (id, headers) VALUES (1, '{"content-type":"application/json"}') ON CONFLICT DO NOTHING;
        """;

    // One day: items once, then each table from them. Integration n is the nth; the second delivery goes to the next one of the same organization.
    private string Procedure =>
        $$$"""
        CREATE PROCEDURE pg_temp.seed_day(age integer, items integer) LANGUAGE plpgsql AS $seed$
        DECLARE
            day  timestamptz := date_trunc('day', now(), 'UTC') - make_interval(days => age);
            from_ms bigint := floor(extract(epoch FROM day) * 1000);
            span_ms bigint := CASE WHEN age > 0 THEN 86400000 ELSE greatest(1, extract(epoch FROM now() - day) * 1000 - 1000) END;
        BEGIN
            CREATE TEMP TABLE item ON COMMIT DROP AS
            SELECT i, to_timestamp((from_ms + i * span_ms / items) / 1000.0) AS at, first, text,
                   lpad(to_hex(from_ms + i * span_ms / items), 12, '0') || '7' || lpad(to_hex(i % 4096), 3, '0') AS head,
                   CASE WHEN first <= {{{OfBig}}} THEN 1 + first % {{{OfBig}}} WHEN first + {{{shape.Others}}} <= {{{shape.Integrations}}} THEN first + {{{shape.Others}}}
                        ELSE first - (first - {{{OfBig + 1}}}) / {{{shape.Others}}} * {{{shape.Others}}} END AS second,
                   CASE WHEN i = items / 2 THEN 'job.rare' WHEN kind < 5400 THEN 'job.completed' WHEN kind < 9000 THEN 'job.created'
                        WHEN kind < 9990 THEN 'job.kind_' || kind % 9 WHEN kind < 9999 THEN 'job.failed'
                        WHEN age >= 27 THEN 'job.bygone' ELSE 'job.cancelled' END AS type,
                   CASE i % 4 WHEN 0 THEN 'invoices' WHEN 1 THEN 'claims' END AS project
            FROM generate_series(0::bigint, items - 1) i,
                 LATERAL (SELECT md5(i::text || age::text) AS text, hashint8(i * 31 + age) & 2147483647 AS hash) t,
                 LATERAL (SELECT hash / 7 % 10000 AS kind, CASE WHEN hash % 10 >= {{{shape.BigTenths}}} THEN {{{OfBig + 1}}} + hash / 100 % {{{shape.Integrations - OfBig}}}
                     WHEN hash % 100 < 30 THEN 1 ELSE 1 + hash / 100 % {{{OfBig}}} END AS first) h;

            INSERT INTO dispatcher.event (organization_id, id, project, type, ordering_key, retention, payload)
            SELECT {{{OwnerOf("first")}}}, (head || '9' || substr(text, 1, 15))::uuid, project, type,
                   CASE WHEN i % 3 = 0 THEN 'job_' || text END, 0,
                   convert_to('{"job_id":"job_' || text || '","status":"successful","created_at":"2026-10-01T12:00:00Z","finished_at":"2026-10-01T12:00:07Z",'
                       || '"usage":{"pages_parsed":' || i % 100 || ',"ocr_input_tokens_used":0,"ocr_output_tokens_used":0}}', 'UTF8')
            FROM item;

            INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, project, event_type, status, attempts, finished_at,
                last_started_at, last_latency_us, last_outcome, last_status_code, last_address, last_request_headers, last_signature,
                last_response_headers, last_response_body, retention)
            SELECT {{{OwnerOf("first")}}}, (head || 'b' || substr(text, 1, 14) || side)::uuid,
                   (head || '9' || substr(text, 1, 15))::uuid, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, project, type, status,
                   CASE status WHEN 'exhausted' THEN 10 WHEN 'cancelled' THEN 0 ELSE 1 END,
                   at + CASE status WHEN 'exhausted' THEN interval '17 minutes' ELSE interval '20 milliseconds' END,
                   CASE WHEN sent THEN at END, CASE WHEN sent THEN 1500 + i % 5000 END,
                   CASE status WHEN 'exhausted' THEN 'server_error' WHEN 'succeeded' THEN 'succeeded' END,
                   CASE status WHEN 'exhausted' THEN 503 WHEN 'succeeded' THEN 200 END,
                   CASE WHEN sent THEN '192.0.2.1:443' END, CASE WHEN sent THEN 1 END, CASE WHEN sent THEN 'v1,' || text || 'MTIzNDU2Nzg5MDE=' END,
                   CASE WHEN sent THEN E'content-type: text/plain\ndate: Thu, 01 Oct 2026 12:00:00 GMT\ncontent-length: 2' END,
                   CASE WHEN sent THEN '\x4f4b'::bytea END, 0
            FROM item, LATERAL (VALUES (0, first), (1, second)) v (side, n),
                 LATERAL (SELECT CASE WHEN (i + side * 25) % 50 = 0 THEN 'exhausted' WHEN (i + side) % 1000 = 1 THEN 'cancelled' ELSE 'succeeded' END AS status) s,
                 LATERAL (SELECT status <> 'cancelled' AS sent) t
            ORDER BY i, side;

            INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
                request_headers, signature, response_headers, response_body, retention)
            SELECT d.organization_id, d.id, n, d.last_started_at, d.last_latency_us, d.last_outcome, d.last_status_code, d.last_address,
                d.last_request_headers, d.last_signature, d.last_response_headers, '\x756e617661696c61626c65'::bytea, 0
            FROM dispatcher.delivery d, generate_series(1, 9) n
            WHERE d.status = 'exhausted' AND d.id >= dispatcher.uuid_floor(day) AND d.id < dispatcher.uuid_floor(day + interval '1 day');
        END $seed$
        """;

    // Of integrations that are disabled. The oldest of them are being sent, says the queue; two thirds wait for their first attempt, one third for a retry.
    private const string Live =
        """
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, owner, attempts, retention)
        SELECT e.organization_id, dispatcher.delivery_id(e.id), e.id,
               ('01900000-0000-7000-8000-' || lpad(to_hex(CASE WHEN e.n % 50 = 0 THEN 3 + e.n % 90 ELSE 1 END), 12, '0'))::uuid,
               now() + interval '1 day', CASE WHEN e.n <= 64 THEN (SELECT max(id) FROM dispatcher.node) END, CASE WHEN e.n % 3 = 0 THEN 1 ELSE 0 END, 0
        FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM dispatcher.event
              WHERE organization_id = 'corp-0' AND id >= dispatcher.uuid_floor(now() - interval '14 days') ORDER BY id LIMIT $1) e
        """;

    /// <summary>Fills the database with finished deliveries, and no more.</summary>
    public async Task FillAsync(CancellationToken cancellationToken)
    {
        await database.ExecuteAsync("SET synchronous_commit = off", cancellationToken);
        await database.ExecuteAsync(Tenants, cancellationToken);
        await database.ExecuteAsync(Procedure, cancellationToken);
        for (var age = shape.Days - 1; age >= 0; age--)
        {
            await database.ExecuteAsync("CALL pg_temp.seed_day($1, $2)", cancellationToken, age, Math.Max(2, deliveries / 2 / shape.Days));
            if (age % 5 == 0) Console.Error.WriteLine($"  seeded all but {age} of {shape.Days} days");
        }
    }

    /// <summary>Fills it, and has a tenth as many deliveries wait, all of the big organization, whose integrations are disabled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await FillAsync(cancellationToken);
        await database.ExecuteAsync($"UPDATE dispatcher.integration SET enabled = false WHERE organization_id = '{Big}'", cancellationToken);
        await database.ExecuteAsync(Live, cancellationToken, (long)Math.Min(MostLive, deliveries / 10));
        await SettleAsync(cancellationToken);
    }

    /// <summary>Leaves the database as it would be some time later.</summary>
    public async Task SettleAsync(CancellationToken cancellationToken)
    {
        await database.ExecuteAsync("VACUUM (ANALYZE)", cancellationToken);
        await database.ExecuteAsync("RESET synchronous_commit", cancellationToken);
        await database.CheckpointAsync(cancellationToken);
    }

    private string OwnerOf(string number) => $"'corp-' || CASE WHEN {number} <= {OfBig} THEN 0 ELSE 1 + {number} % {shape.Others} END";
}
