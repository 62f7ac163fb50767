// The claiming statements (migrations/0001): which lanes have rows that are due and nobody's, and taking some of them.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

internal static class ClaimStatement
{
    private const string DueSql = "SELECT integration_id FROM dispatcher.due_lanes($1, $2, $3)";

    private const string ClaimSql =
        """
        SELECT organization_id, id, event_id, integration_id, integration_version, attempts, round_start, retention, project, type, payload
        FROM dispatcher.claim($1, $2, $3, $4)
        """;

    /// <summary>Integrations beyond <paramref name="after"/>, by id, that have something to claim; at most <paramref name="limit"/>.</summary>
    public static async Task<List<Guid>> FindDueLanesAsync(
        NpgsqlDataSource source, Guid after, Guid[] fullLanes, int limit, CancellationToken ct)
    {
        await using var command = source.CreateCommand(DueSql);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = after });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = fullLanes });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        var lanes = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) lanes.Add(reader.GetGuid(0));
        return lanes;
    }

    /// <summary>Takes up to so many rows of each lane, and up to so many bytes of payload in all.</summary>
    public static async Task<List<Delivery>> ClaimAsync(
        NpgsqlDataSource source, NodeIdentity owner, IReadOnlyList<(Guid Lane, int Wanted)> lanes, long maxBytes, CancellationToken ct)
    {
        await using var command = source.CreateCommand(ClaimSql);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = owner.Id });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. lanes.Select(l => l.Lane)] });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. lanes.Select(l => l.Wanted)] });
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
                Retention = reader.GetInt16(7),
                Project = reader.IsDBNull(8) ? null : reader.GetString(8),
                EventType = reader.GetString(9),
                Payload = reader.GetFieldValue<byte[]>(10),
                Owner = owner,
            });
        }

        return deliveries;
    }
}
