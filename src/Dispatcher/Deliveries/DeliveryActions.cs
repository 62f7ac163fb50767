// What people do to deliveries: retry and cancel.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Deliveries;

internal sealed class DeliveryActions(NpgsqlDataSource source, DeliveryStore store, OpenBreakers breakers, Counters counters, Wakeup wakeup)
{
    /// <summary>
    /// Makes a delivery due now. One that waits for a retry keeps its place in the schedule; a finished one begins a new round of
    /// attempts, numbered on from those it had. Where the integration's breaker is open, the next probe is made now.
    /// </summary>
    public async Task<DeliveryView> RetryAsync(Tenant tenant, Guid id, AuditContext audit, CancellationToken ct)
    {
        var before = await store.FindAsync(tenant, id, ct) ?? throw NotFound(id);
        if (before.Status == DeliveryStatus.Delivering) throw Problem.Conflict("The delivery is being sent right now.").AsException();
        var entry = Entry(audit, AuditAction.DeliveryRetried, id, before);
        var changed = await ExecuteAsync(tenant, id, HurrySql, entry, ct) || await ExecuteAsync(tenant, id, RequeueSql, entry, ct);
        if (!changed) throw Problem.Conflict("The delivery cannot be sent: its integration is disabled or deleted, or it is being sent right now.").AsException();
        if (Ids.TryParse(Ids.Integration, before.IntegrationId, out var integration))
        {
            await breakers.HurryAsync(tenant.Organization, integration, ct);
            wakeup.Tell([integration]);
        }

        return await store.FindAsync(tenant, id, ct) ?? throw NotFound(id);
    }

    /// <summary>
    /// Ends a live delivery. A POST that is under way is not called back: its attempt is still recorded. One of an ordering key is
    /// refused while a node has it, because its end lets the next of the key go: there would be two at once.
    /// </summary>
    public async Task<DeliveryView> CancelAsync(Tenant tenant, Guid id, AuditContext audit, CancellationToken ct)
    {
        var before = await store.FindAsync(tenant, id, ct) ?? throw NotFound(id);
        if (!await ExecuteAsync(tenant, id, CancelSql, Entry(audit, AuditAction.DeliveryCancelled, id, before), ct))
        {
            var after = await store.FindAsync(tenant, id, ct);
            throw Problem.Conflict(after?.Status == DeliveryStatus.Delivering
                ? "The delivery is being sent right now, and others of its ordering key wait for it; cancel it when this attempt has ended."
                : "The delivery has ended already.").AsException();
        }

        if (Ids.TryParse(Ids.Integration, before.IntegrationId, out var integration))
        {
            counters.Ended(tenant.Organization, integration, DeliveryEnd.Cancelled, 1);
            // The next of its ordering key may go.
            wakeup.Tell([integration]);
        }

        return await store.FindAsync(tenant, id, ct) ?? throw NotFound(id);
    }

    // One that waits for its turn behind another of its ordering key goes on waiting for it.
    private const string HurrySql =
        """
        UPDATE dispatcher.queue q SET due_at = CASE WHEN q.due_at = 'infinity' THEN q.due_at ELSE now() END
        FROM dispatcher.integration i
        WHERE q.organization_id = $1 AND q.id = $2 AND q.owner IS NULL
          AND i.organization_id = q.organization_id AND i.id = q.integration_id AND i.enabled AND i.deleted_at IS NULL
        """;

    // The archive's row becomes a live one again; its inline attempt joins the others. attempts counts an attempt that was
    // recorded after a cancellation too.
    private const string RequeueSql =
        """
        WITH gone AS (
            DELETE FROM dispatcher.delivery d USING dispatcher.integration i
            WHERE d.organization_id = $1 AND d.id = $2
              AND i.organization_id = d.organization_id AND i.id = d.integration_id AND i.enabled AND i.deleted_at IS NULL
            RETURNING d.*, i.ordering
        ), noted AS (
            INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
                request_headers, signature, error, response_headers, response_body, retention)
            SELECT g.organization_id, g.id, g.attempts, g.last_started_at, g.last_latency_us, g.last_outcome, g.last_status_code, g.last_address,
                g.last_request_headers, g.last_signature, g.last_error, g.last_response_headers, g.last_response_body, g.retention
            FROM gone g WHERE g.last_started_at IS NOT NULL
            ON CONFLICT DO NOTHING
        ), made AS (
            SELECT g.*, greatest(g.attempts, (
                SELECT max(a.number) FROM dispatcher.attempt a WHERE a.organization_id = g.organization_id AND a.delivery_id = g.id)) AS so_far,
                CASE WHEN g.ordering = 'by_key' THEN e.ordering_key END AS ordering_key
            FROM gone g JOIN dispatcher.event e ON e.organization_id = g.organization_id AND e.id = g.event_id
        )
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, round_start, retention, ordering_key, ordering_seq)
        SELECT m.organization_id, m.id, m.event_id, m.integration_id, now(), m.so_far, m.so_far, m.retention, m.ordering_key,
               CASE WHEN m.ordering_key IS NOT NULL THEN nextval('dispatcher.ordering_seq') END
        FROM made m
        """;

    // The notification reaches a node that holds the row in memory and has not sent it yet.
    private const string CancelSql =
        """
        WITH gone AS (
            DELETE FROM dispatcher.queue q WHERE q.organization_id = $1 AND q.id = $2 AND (q.owner IS NULL OR q.ordering_key IS NULL)
            RETURNING q.organization_id, q.id, q.event_id, q.integration_id, q.attempts, q.retention
        ), told AS MATERIALIZED (
            SELECT g.*, pg_notify('dispatcher_changed', 'cancelled:' || g.id) AS told FROM gone g
        )
        INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, project, event_type, status, attempts, finished_at, retention)
        SELECT t.organization_id, t.id, t.event_id, t.integration_id, e.project, e.type, 'cancelled', t.attempts, now(), t.retention
        FROM told t JOIN dispatcher.event e ON e.organization_id = t.organization_id AND e.id = t.event_id
        """;

    /// <summary>Changes a delivery and notes it in the audit trail; whether there was anything to change.</summary>
    private async Task<bool> ExecuteAsync(Tenant tenant, Guid id, string sql, AuditEntry entry, CancellationToken ct)
    {
        for (var again = true; ; again = false)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(ct);
                await using var transaction = await connection.BeginTransactionAsync(ct);
                await using var command = new NpgsqlCommand(sql, connection, transaction);
                command.Parameters.AddWithValue(tenant.Organization);
                command.Parameters.AddWithValue(id);
                if (await command.ExecuteNonQueryAsync(ct) == 0) return false;
                await AuditStatement.InsertAsync([entry], connection, transaction, ct);
                await transaction.CommitAsync(ct);
                return true;
            }
            catch (PostgresException e) when (again && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.UniqueViolation)
            {
                // The recorder archives what this acts on. It is done by the time of the second try.
            }
        }
    }

    private static AuditEntry Entry(AuditContext audit, string action, Guid id, DeliveryView delivery) => audit.Entry(
        action, AuditTarget.Delivery(id), delivery.Project ?? Tenant.Default, new() { ["integration"] = delivery.IntegrationId, ["event"] = delivery.EventId });

    private static ProblemException NotFound(Guid id) => Problem.NotFound($"There is no delivery \"{Ids.Format(Ids.Delivery, id)}\".").AsException();
}
