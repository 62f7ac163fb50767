// The statements of bulk actions. As those of recover and replay, each looks at one stretch of ids after a position.

using Dispatcher.Dispatching;
using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Recoveries;

/// <summary>
/// What a filter matches lies in several places: live deliveries in the queue, finished ones in the archive, there under one index for each
/// status. Each is walked upwards from the position, so many rows at most; the stretch ends where the first of them got no further
/// ("edge"). So no row is passed over, and none is handled twice.
/// </summary>
internal static class BulkStatements
{
    // In all statements. $1 organization, $2 position, $3 bound, $4 when it was asked for, $5 rows to look at in each place, $6 integration,
    // $7 type, $8 project: NULL where they do not matter.
    private const string InSpan = "{0}.organization_id = $1 AND {0}.id > $2 AND {0}.id < $3";

    private const string Place =
        """
        {0} AS MATERIALIZED (
            SELECT w.*, row_number() OVER (ORDER BY w.id) AS n FROM ({1} ORDER BY id LIMIT $5) w)
        """;

    // What waits for its turn or its time, and is in no node's hands. The event is looked up only where something is asked of it.
    private const string Live =
        """
        SELECT q.organization_id, q.id, q.event_id, q.integration_id, q.retention, q.owner IS NULL AND ({0})
               AND ($6::uuid IS NULL OR q.integration_id = $6)
               AND ($7::text IS NULL AND $8::text IS NULL OR EXISTS (
                   SELECT FROM dispatcher.event e WHERE e.organization_id = q.organization_id AND e.id = q.event_id AND e.retention = q.retention
                     AND ($7 IS NULL OR e.type = $7) AND ($8 IS NULL OR coalesce(e.project, 'default') = $8))) AS matches
        FROM dispatcher.queue q WHERE
        """;

    private const string Finished =
        """
        SELECT d.organization_id, d.id, d.event_id, d.integration_id, d.retention, d.status = '{0}'
               AND ($6::uuid IS NULL OR d.integration_id = $6) AND ($7::text IS NULL OR d.event_type = $7)
               AND ($8::text IS NULL OR coalesce(d.project, 'default') = $8)
               AND d.finished_at <= $4 + interval '5 s' AS matches   -- nodes' clocks
        FROM dispatcher.delivery d WHERE
        """;

    // Of disabled and deleted integrations only what waits is touched: to be cancelled.
    private const string Sendable =
        "EXISTS (SELECT FROM dispatcher.integration i WHERE i.organization_id = m.organization_id AND i.id = m.integration_id AND i.enabled AND i.deleted_at IS NULL)";

    // Where more match than fit into the step, the next one begins behind the last that was taken.
    private const string Taken =
        """
        taken AS MATERIALIZED (
            SELECT m.* FROM matching m WHERE {0} ORDER BY m.id LIMIT $9
        )
        """;

    private const string Answer =
        """
        SELECT CASE WHEN (SELECT count(*) FROM taken) = $9 THEN (SELECT id FROM taken ORDER BY id DESC LIMIT 1)
                    ELSE coalesce((SELECT id FROM edge), (SELECT id FROM walked ORDER BY id DESC LIMIT 1)) END,
               (SELECT count(*) FROM touched),
               ARRAY(SELECT integration_id FROM touched GROUP BY integration_id ORDER BY integration_id),
               ARRAY(SELECT count(*) FROM touched GROUP BY integration_id ORDER BY integration_id)
        """;

    // Rows that a claim has its hands on are passed over, not waited for: they are being sent.
    private const string Locked =
        """
        locked AS MATERIALIZED (
            SELECT q.organization_id, q.id FROM taken t JOIN dispatcher.queue q ON q.organization_id = t.organization_id AND q.id = t.id
            WHERE t.live AND q.owner IS NULL
            FOR UPDATE OF q SKIP LOCKED
        )
        """;

    // What DeliveryActions does to one delivery by hand: what waits is due now, what has ended begins a new round of attempts.
    private const string Send =
        $"""
        {Locked}, hurried AS (
            -- One that waits for its turn goes on waiting for it.
            UPDATE dispatcher.queue q SET due_at = CASE WHEN q.due_at = 'infinity' THEN q.due_at ELSE least(q.due_at, now()) END
            FROM locked l WHERE q.organization_id = l.organization_id AND q.id = l.id
            RETURNING q.integration_id
        ), gone AS (
            DELETE FROM dispatcher.delivery d
            USING taken t
            JOIN dispatcher.event e ON e.organization_id = t.organization_id AND e.id = t.event_id AND e.retention = t.retention
            JOIN dispatcher.integration i ON i.organization_id = t.organization_id AND i.id = t.integration_id
            WHERE NOT t.live AND d.organization_id = t.organization_id AND d.id = t.id AND d.retention = t.retention
            RETURNING d.*, e.ordering_key, i.ordering = 'by_key' AS ordered
        ), {RecoveryStatements.Requeued}, touched AS (
            SELECT integration_id FROM hurried UNION ALL SELECT integration_id FROM gone
        )
        {Answer}
        """;

    private const string Cancel =
        $"""
        {Locked}, gone AS (
            DELETE FROM dispatcher.queue q USING locked l WHERE q.organization_id = l.organization_id AND q.id = l.id
            RETURNING q.organization_id, q.id, q.event_id, q.integration_id, q.attempts, q.retention
        ), touched AS (
            INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, project, event_type, status, attempts, finished_at, retention)
            SELECT g.organization_id, g.id, g.event_id, g.integration_id, e.project, e.type, 'cancelled', g.attempts, now(), g.retention
            FROM gone g JOIN dispatcher.event e ON e.organization_id = g.organization_id AND e.id = g.event_id AND e.retention = g.retention
            RETURNING integration_id
        )
        {Answer}
        """;

    /// <summary>Whether a filter matches what has ended, so that the action adds to what is live.</summary>
    public static bool Requeues(BulkFilter filter) => filter.Statuses.Any(status => !DeliveryStatus.Live.Contains(status));

    public static NpgsqlBatchCommand Count(RecoveryScope scope, Guid after, int length) => Bind(
        $"{Matching(scope)} SELECT (SELECT id FROM edge), (SELECT count(*) FROM matching m WHERE {Condition(scope)})", scope, after, length);

    /// <summary>Handles the next stretch of ids after one.</summary>
    /// <param name="scope">The task's.</param>
    /// <param name="after">The id.</param>
    /// <param name="length">Rows to look at in each place.</param>
    /// <param name="rows">Deliveries to change at most.</param>
    public static NpgsqlBatchCommand Handle(RecoveryScope scope, Guid after, int length, int rows)
    {
        var command = Bind(
            $"{Matching(scope)}, {Format(Taken, Condition(scope))}, {(scope.Kind == TaskKind.BulkCancel ? Cancel : Send)}", scope, after, length);
        command.Parameters.Add(new NpgsqlParameter { Value = rows });
        return command;
    }

    /// <summary>The parts "walked", "edge" and "matching", over each place where the filter's statuses are.</summary>
    private static string Matching(RecoveryScope scope)
    {
        var places = Places(scope.Filter!).ToList();
        var walked = string.Join(" UNION ALL ", places.Select(p => $"SELECT *, {(p.Name == "waiting" ? "true" : "false")} AS live FROM {p.Name}"));
        return $"""
            WITH {string.Join(", ", places.Select(p => Format(Place, p.Name, p.Sql)))},
            walked AS MATERIALIZED ({walked}),
            edge AS MATERIALIZED (SELECT id FROM walked WHERE n = $5 ORDER BY id LIMIT 1),
            matching AS (SELECT * FROM walked w WHERE w.matches AND w.id <= coalesce((SELECT id FROM edge), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
            """;
    }

    private static IEnumerable<(string Name, string Sql)> Places(BulkFilter filter)
    {
        // From here on only names from our own list: never a caller's text in a statement.
        var statuses = DeliveryStatus.All.Where(s => filter.Statuses.Contains(s)).ToList();
        var waiting = statuses.Where(DeliveryStatus.Live.Contains).ToList();
        if (waiting.Count > 0)
        {
            var stands = string.Join(" OR ", waiting.Select(s => s == DeliveryStatus.Failed ? "q.attempts > q.round_start" : "q.attempts <= q.round_start"));
            yield return ("waiting", $"{Format(Live, stands)} {Format(InSpan, "q")}");
        }

        foreach (var status in statuses.Except(waiting))
        {
            // Of those that succeeded there is no index but the integration's and the primary key; they are judged as they come.
            var index = status == DeliveryStatus.Succeeded
                ? filter.Integration is null ? "" : " AND d.integration_id = $6"
                : $" AND d.status = '{status}'" + (filter.Integration is not null && status == DeliveryStatus.Exhausted ? " AND d.integration_id = $6" : "");
            yield return (status, $"{Format(Finished, status)} {Format(InSpan, "d")}{index}");
        }
    }

    private static string Condition(RecoveryScope scope) => scope.Kind == TaskKind.BulkCancel ? "true" : Sendable;

    private static string Format(string text, params string[] values)
    {
        for (var i = 0; i < values.Length; i++) text = text.Replace($"{{{i}}}", values[i], StringComparison.Ordinal);
        return text;
    }

    private static NpgsqlBatchCommand Bind(string sql, RecoveryScope scope, Guid after, int length)
    {
        var filter = scope.Filter!;
        return new NpgsqlBatchCommand(sql)
        {
            Parameters =
            {
                new() { Value = scope.Organization },
                new() { Value = after },
                new() { Value = scope.Bound },
                new() { Value = scope.AskedAt },
                new() { Value = length },
                new() { Value = filter.Integration is { } integration ? integration : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid },
                RecoveryStatements.Text(filter.EventType),
                RecoveryStatements.Text(filter.Project),
            },
        };
    }
}
