// The claiming statement: takes due rows that nobody owns, a bounded share per integration, with what is needed to send them.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>What a claim brought.</summary>
/// <param name="Deliveries">The rows, now owned.</param>
/// <param name="Resume">Where the next claim goes on, so that a limit never favours the same integrations; null: from the start.</param>
internal sealed record Claim(List<Delivery> Deliveries, Guid? Resume);

internal static class ClaimStatement
{
    // hop: a loose index scan over the integrations that have live rows; its cost is one index probe per integration, however
    //   many rows wait behind each.
    // picked: the oldest due rows of each, skipping what others are just taking. Rows that keep an order are taken only when no
    //   older live row of the same key exists.
    // fitting: cut off where the payloads would exceed the memory budget.
    // taken: the owner is in no index, so this is a heap-only update. The node's row is share-locked until commit: see dispatcher.accept.
    private const string Sql =
        """
        WITH RECURSIVE hop AS (
            (SELECT q.organization_id, q.integration_id FROM dispatcher.queue q
             WHERE q.integration_id > $2 ORDER BY q.integration_id LIMIT 1)
            UNION ALL
            SELECT n.organization_id, n.integration_id FROM hop CROSS JOIN LATERAL (
                SELECT q.organization_id, q.integration_id FROM dispatcher.queue q
                WHERE q.integration_id > hop.integration_id ORDER BY q.integration_id LIMIT 1) n
        ), picked AS (
            SELECT p.*, i.version
            FROM hop
            JOIN dispatcher.integration i
              ON i.organization_id = hop.organization_id AND i.id = hop.integration_id AND i.enabled AND i.deleted_at IS NULL
            CROSS JOIN LATERAL (
                SELECT q.organization_id, q.id, q.event_id, q.integration_id, q.attempts, q.round_start
                FROM dispatcher.queue q
                WHERE q.integration_id = hop.integration_id AND q.due_at <= now() AND q.owner IS NULL
                  AND (q.ordering_key IS NULL OR NOT EXISTS (
                      SELECT FROM dispatcher.queue older
                      WHERE older.integration_id = q.integration_id AND older.ordering_key = q.ordering_key
                        AND older.ordering_seq < q.ordering_seq))
                ORDER BY q.due_at
                LIMIT $4
                FOR UPDATE OF q SKIP LOCKED) p
            WHERE hop.integration_id <> ALL ($3)
            LIMIT $5
        ), fitting AS (
            SELECT p.*, e.project, e.type, e.payload,
                   sum(octet_length(e.payload)) OVER (ORDER BY p.integration_id, p.id) - octet_length(e.payload) AS bytes_before
            FROM picked p JOIN dispatcher.event e ON e.organization_id = p.organization_id AND e.id = p.event_id
        ), taken AS (
            UPDATE dispatcher.queue q SET owner = n.id
            FROM fitting f, (SELECT id FROM dispatcher.node WHERE id = $1 FOR KEY SHARE) n
            WHERE q.organization_id = f.organization_id AND q.id = f.id AND f.bytes_before < $6
            RETURNING f.organization_id, f.id, f.event_id, f.integration_id, f.version, f.attempts, f.round_start, f.project, f.type, f.payload
        )
        SELECT * FROM taken
        """;

    public static async Task<Claim> ExecuteAsync(
        NpgsqlDataSource source, NodeIdentity owner, Guid? resume, Guid[] fullLanes, int perLane, int limit, long maxBytes, CancellationToken ct)
    {
        await using var command = source.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = owner.Id });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = resume ?? Guid.Empty });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = fullLanes });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = perLane });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = maxBytes });

        var deliveries = new List<Delivery>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var eventId = reader.GetGuid(2);
            deliveries.Add(new Delivery
            {
                Organization = reader.GetString(0),
                Id = reader.GetGuid(1),
                EventId = eventId,
                MessageId = Ids.Format(Ids.Event, eventId),
                IntegrationId = reader.GetGuid(3),
                IntegrationVersion = reader.GetInt32(4),
                Attempts = reader.GetInt16(5),
                RoundStart = reader.GetInt16(6),
                Project = await reader.IsDBNullAsync(7, ct) ? null : reader.GetString(7),
                EventType = reader.GetString(8),
                Payload = reader.GetFieldValue<byte[]>(9),
                Owner = owner,
            });
        }

        // Fewer than the limit: the scan went past the last integration.
        return new Claim(deliveries, deliveries.Count < limit ? null : deliveries.Max(d => d.IntegrationId));
    }
}
