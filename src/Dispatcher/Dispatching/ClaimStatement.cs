// The claiming statements (migrations/0001): which lanes have rows that are due and nobody's, and taking some of them.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

internal static class ClaimStatement
{
    private const string DueSql = "SELECT integration_id FROM dispatcher.due_lanes($1, $2, $3)";

    private const string ClaimSql = "CALL dispatcher.claim($1, $2, $3, $4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)";

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

        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return reader.IsDBNull(0) ? [] : Read(reader, owner);
    }

    private static List<Delivery> Read(NpgsqlDataReader reader, NodeIdentity owner)
    {
        var organizations = reader.GetFieldValue<string[]>(0);
        var ids = reader.GetFieldValue<Guid[]>(1);
        var eventIds = reader.GetFieldValue<Guid[]>(2);
        var integrations = reader.GetFieldValue<Guid[]>(3);
        var versions = reader.GetFieldValue<int[]>(4);
        var attempts = reader.GetFieldValue<short[]>(5);
        var roundStarts = reader.GetFieldValue<short[]>(6);
        var retentions = reader.GetFieldValue<short[]>(7);
        var projects = reader.GetFieldValue<string?[]>(8);
        var types = reader.GetFieldValue<string[]>(9);
        var payloads = reader.GetFieldValue<byte[][]>(10);

        var deliveries = new List<Delivery>(ids.Length);
        for (var i = 0; i < ids.Length; i++)
        {
            deliveries.Add(new Delivery
            {
                Organization = organizations[i],
                Id = ids[i],
                EventId = eventIds[i],
                MessageId = Ids.Format(Ids.Event, eventIds[i]),
                IntegrationId = integrations[i],
                IntegrationVersion = versions[i],
                Attempts = attempts[i],
                RoundStart = roundStarts[i],
                Retention = retentions[i],
                Project = projects[i],
                EventType = types[i],
                Payload = payloads[i],
                Owner = owner,
            });
        }

        return deliveries;
    }
}
