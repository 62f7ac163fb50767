// The claiming statement: one call of dispatcher.claim (migrations/0001), which takes due rows that nobody owns.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>What a claim brought.</summary>
/// <param name="Deliveries">The rows, now owned.</param>
/// <param name="Resume">Where the next claim goes on, so that a limit never favours the same integrations; null: from the start.</param>
internal sealed record Claim(List<Delivery> Deliveries, Guid? Resume);

internal static class ClaimStatement
{
    private const string Sql =
        """
        SELECT organization_id, id, event_id, integration_id, integration_version, attempts, round_start, project, type, payload
        FROM dispatcher.claim($1, $2, $3, $4, $5, $6)
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

        // Under both limits: the scan went past the last integration.
        var cut = deliveries.Count >= limit || deliveries.Sum(d => (long)d.Payload.Length) >= maxBytes;
        return new Claim(deliveries, cut ? deliveries.Max(d => d.IntegrationId) : null);
    }
}
