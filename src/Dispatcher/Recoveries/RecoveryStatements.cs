// The statements of recover and replay. Each looks at one stretch of ids after a position, by a range of an index: none costs more
// than its stretch, however long the span is.

using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Recoveries;

internal static class RecoveryStatements
{
    private static readonly string[] ByIndex = ["jit", "enable_seqscan", "enable_bitmapscan"];
    private static readonly string[] RowByRow = [.. ByIndex, "enable_hashjoin", "enable_mergejoin"];
    private static readonly string[] RangeByRange = [.. ByIndex, "enable_nestloop"];

    private const string Exhausted =
        """
        SELECT d.organization_id, d.id, d.event_id, d.retention, d.project FROM dispatcher.delivery d
        WHERE d.organization_id = $1 AND d.integration_id = $2 AND d.status = 'exhausted'
          AND d.id > $3 AND d.id < $4 AND d.finished_at <= $5 + interval '5 s'   -- nodes' clocks
        ORDER BY d.id LIMIT $6
        """;

    private const string CountExhausted =
        $"""
        WITH picked AS ({Exhausted})
        SELECT (SELECT id FROM picked ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM picked WHERE $7 IS NULL OR $7 = coalesce(project, 'default'))
        """;

    // By due_at, which nothing asks for, because queue_by_lane has that order: it is walked as far as the limit and no further.
    private const string Live =
        "SELECT count(*) FROM (SELECT FROM dispatcher.queue q WHERE q.integration_id = $1 ORDER BY q.due_at LIMIT $2) live";

    private const string LiveOfAll =
        "SELECT count(*) FROM (SELECT FROM dispatcher.queue q WHERE q.organization_id = $1 ORDER BY q.id LIMIT $2) live";

    // Makes live rows of the archive's rows that the part "gone" has taken out, whose inline attempts join the others. "ordered" says whether
    // the integration keeps the order of its keys.
    public const string Requeued =
        """
        noted AS (
            INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
                request_headers, signature, error, response_headers, response_body, retention)
            SELECT g.organization_id, g.id, g.attempts, g.last_started_at, g.last_latency_us, g.last_outcome, g.last_status_code, g.last_address,
                g.last_request_headers, g.last_signature, g.last_error, g.last_response_headers, g.last_response_body,
                g.retention
            FROM gone g WHERE g.last_started_at IS NOT NULL
            ON CONFLICT DO NOTHING
        ), counted AS (
            SELECT g.*, greatest(g.attempts, (
                SELECT max(a.number) FROM dispatcher.attempt a
                WHERE a.organization_id = g.organization_id AND a.delivery_id = g.id AND a.retention = g.retention)) AS so_far
            FROM gone g
        ), queued AS (
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, round_start, retention,
                ordering_key, ordering_seq)
            SELECT c.organization_id, c.id, c.event_id, c.integration_id, now(), c.so_far, c.so_far, c.retention,
                   CASE WHEN c.ordered THEN c.ordering_key END,
                   CASE WHEN c.ordered AND c.ordering_key IS NOT NULL THEN nextval('dispatcher.ordering_seq') END
            FROM counted c ORDER BY c.event_id
        )
        """;

    // What DeliveryActions does to one delivery by hand. A row that somebody else has retried meanwhile is passed over; one
    // whose event has expired stays where it is. So does one of another project, from before the integration was moved to its own: who
    // recovers now may not have that project's events.
    private const string Recover =
        $"""
        WITH picked AS MATERIALIZED ({Exhausted}), gone AS (
            DELETE FROM dispatcher.delivery d
            USING picked p JOIN dispatcher.event e ON e.organization_id = p.organization_id AND e.id = p.event_id AND e.retention = p.retention
              AND ($8 IS NULL OR $8 = coalesce(e.project, 'default'))
            WHERE d.organization_id = p.organization_id AND d.id = p.id AND d.retention = p.retention
            RETURNING d.*, e.ordering_key, $7::boolean AS ordered
        ), {Requeued}
        SELECT (SELECT id FROM picked ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM gone)
        """;

    // The integration's deliveries of a stretch of events are one range of delivery_by_integration: it is read once and set against
    // the stretch. Only what is not found there is looked for in the queue, which has no such order, by the primary key.
    private const string Missing =
        """
        stretch AS MATERIALIZED (
            SELECT e.organization_id, e.id, e.project, e.inbox, e.type, e.ordering_key, e.retention, e.target IS NULL AS fans_out
            FROM dispatcher.event e
            WHERE e.organization_id = $1 AND e.id > $3 AND e.id < $4
            ORDER BY e.id LIMIT $5
        ), route AS MATERIALIZED (
            -- Events share few: each is matched once.
            SELECT DISTINCT s.project, s.inbox, s.type FROM stretch s WHERE s.fans_out
        ), wanted AS (
            SELECT r.* FROM route r
            WHERE dispatcher.subscribes($6, $7, $8, r.project, r.inbox, dispatcher.event_patterns(r.type))
        ), unfinished AS MATERIALIZED (
            SELECT s.organization_id, s.id, s.ordering_key, s.retention
            FROM stretch s JOIN wanted w ON w.type = s.type AND w.project IS NOT DISTINCT FROM s.project AND w.inbox IS NOT DISTINCT FROM s.inbox
            WHERE s.fans_out
              AND NOT EXISTS (
                SELECT FROM dispatcher.delivery d
                WHERE d.organization_id = $1 AND d.integration_id = $2 AND d.event_id = s.id
                  AND d.id >= (SELECT dispatcher.first_sibling(f.id) FROM stretch f ORDER BY f.id LIMIT 1)
                  AND d.id <= (SELECT dispatcher.last_sibling(l.id) FROM stretch l ORDER BY l.id DESC LIMIT 1))
        ), missing AS (
            SELECT u.* FROM unfinished u
            WHERE NOT EXISTS (
                SELECT FROM (
                    SELECT q.event_id, q.integration_id FROM dispatcher.queue q
                    WHERE q.organization_id = $1 AND q.id BETWEEN dispatcher.first_sibling(u.id) AND dispatcher.last_sibling(u.id)
                    -- A fence: by the integration, the planner would take queue_by_lane and read all that is live of it, for each event.
                    OFFSET 0) near
                WHERE near.event_id = u.id AND near.integration_id = $2)
        )
        """;

    private const string CountMissing =
        $"WITH {Missing} SELECT (SELECT id FROM stretch ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM missing)";

    // Where more are missing than fit into the step, the next one begins behind the last that was taken.
    private const string Replay =
        $"""
        WITH {Missing}, taken AS MATERIALIZED (
            SELECT m.organization_id, dispatcher.delivery_id(m.id) AS id, m.id AS event_id, m.retention,
                   CASE WHEN $9 THEN m.ordering_key END AS ordering_key,
                   CASE WHEN $9 AND m.ordering_key IS NOT NULL THEN nextval('dispatcher.ordering_seq') END AS ordering_seq
            FROM missing m ORDER BY m.id LIMIT $10
        ), queued AS (
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention, ordering_key, ordering_seq)
            SELECT t.organization_id, t.id, t.event_id, $2, now(), t.retention, t.ordering_key, t.ordering_seq FROM taken t
        )
        SELECT CASE WHEN (SELECT count(*) FROM taken) = $10
                    THEN (SELECT event_id FROM taken ORDER BY event_id DESC LIMIT 1)
                    ELSE (SELECT id FROM stretch ORDER BY id DESC LIMIT 1) END,
               (SELECT count(*) FROM taken)
        """;

    /// <summary>
    /// Goes ahead of the others in their transaction. Statistics of tables that grow this fast are always behind, and with them the planner
    /// would now and then read a day's partition for a thousand rows, or one range once for each row of another. Recover goes from row to
    /// row by primary keys, and so do bulk actions; replay sets two ranges against each other.
    /// </summary>
    public static IEnumerable<NpgsqlBatchCommand> PlanFor(string kind) =>
        (kind == TaskKind.Replay ? RangeByRange : RowByRow).Select(setting => new NpgsqlBatchCommand($"SET LOCAL {setting} = off"));

    /// <summary>Counts what is to be sent in the next stretch of ids after one: so many exhausted deliveries, or events, are looked at.</summary>
    public static NpgsqlBatchCommand Count(RecoveryScope scope, Guid after, int length) => scope.Kind switch
    {
        TaskKind.Recover => Bind(CountExhausted, scope, after, scope.AskedAt, length, Text(scope.Subscription.Project)),
        TaskKind.Replay => BindReplay(CountMissing, scope, after, length),
        _ => BulkStatements.Count(scope, after, length),
    };

    /// <summary>Makes live deliveries of the next stretch of ids after one: at most as many as given.</summary>
    public static NpgsqlBatchCommand Handle(RecoveryScope scope, Guid after, int rows)
    {
        // Events that have their delivery already are passed over quickly; more than these few and most would be read again and again.
        const int eventsPerRow = 4;
        return scope.Kind switch
        {
            TaskKind.Recover => Bind(Recover, scope, after, scope.AskedAt, rows, scope.Subscription.Ordered, Text(scope.Subscription.Project)),
            TaskKind.Replay => BindReplay(Replay, scope, after, rows * eventsPerRow, scope.Subscription.Ordered, rows),
            _ => BulkStatements.Handle(scope, after, rows * eventsPerRow, rows),
        };
    }

    /// <summary>Counts the live deliveries of the integration, or of the organization, up to a limit.</summary>
    public static NpgsqlBatchCommand CountLive(RecoveryScope scope, int limit) => scope.Integration != Guid.Empty
        ? new(Live) { Parameters = { new() { Value = scope.Integration }, new() { Value = limit } } }
        : new(LiveOfAll) { Parameters = { new() { Value = scope.Organization }, new() { Value = limit } } };

    /// <summary>Reads what counting and handling answer.</summary>
    public static async Task<Stretch> ReadAsync(NpgsqlDataReader reader, CancellationToken ct)
    {
        await reader.ReadAsync(ct);
        var (last, found) = (await reader.IsDBNullAsync(0, ct) ? (Guid?)null : reader.GetGuid(0), reader.GetInt64(1));
        if (reader.FieldCount < 4) return new Stretch(last, found);
        var (integrations, counts) = (reader.GetFieldValue<Guid[]>(2), reader.GetFieldValue<long[]>(3));
        return new Stretch(last, found, [.. integrations.Zip(counts, KeyValuePair.Create)]);
    }

    private static NpgsqlBatchCommand BindReplay(string sql, RecoveryScope scope, Guid after, int events, params object[] more)
    {
        var (project, inbox, types, _) = scope.Subscription;
        return Bind(sql, scope, after, [events, Text(project), Text(inbox), types, .. more]);
    }

    public static NpgsqlParameter Text(string? value) => new() { Value = value is null ? DBNull.Value : value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlBatchCommand Bind(string sql, RecoveryScope scope, Guid after, params object[] more)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in new object[] { scope.Organization, scope.Integration, after, scope.Bound }.Concat(more))
            command.Parameters.Add(value as NpgsqlParameter ?? new NpgsqlParameter { Value = value });
        return command;
    }
}
