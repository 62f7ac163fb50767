// The accepting statement: one call of dispatcher.accept (migrations/0001) for a batch of events, on whatever connection and
// transaction the caller has. What it returns is handed to the lanes once the transaction has committed.

using System.Runtime.InteropServices;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Intake;

/// <summary>What a batch led to.</summary>
/// <param name="Events">The batch.</param>
/// <param name="Answers">An answer per event.</param>
/// <param name="Owned">The deliveries that this node owns and must send after the commit.</param>
/// <param name="Unowned">The integrations of those that wait for a claim.</param>
internal sealed record AcceptedBatch(IReadOnlyList<NewEvent> Events, Accepted[] Answers, List<Delivery> Owned, Guid[] Unowned)
{
    /// <summary>Counts the events that are new. Only after the commit.</summary>
    public void CountIn(Counters counters)
    {
        for (var i = 0; i < Answers.Length; i++)
            if (!Answers[i].Repeated) counters.Accepted(Events[i].Route.Organization, Answers[i].Deliveries);
    }
}

internal static class AcceptStatement
{
    private const string Sql =
        """
        SELECT event_number, event_id, delivery_id, integration_id, integration_version, retention, owned
        FROM dispatcher.accept($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """;

    public static async Task<AcceptedBatch> ExecuteAsync(
        IReadOnlyList<NewEvent> events, Holding holding, NpgsqlConnection connection, NpgsqlTransaction? transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(Sql, connection, transaction);
        Bind(command.Parameters, events, holding);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await ReadAsync(reader, events, holding.Owner, ct);
    }

    private static void Bind(NpgsqlParameterCollection parameters, IReadOnlyList<NewEvent> events, Holding holding)
    {
        var routes = new Dictionary<EventRoute, int>();
        var ids = new Guid[events.Count];
        var routeOf = new int[events.Count];
        var payloads = new byte[events.Count][];
        string?[]? orderingKeys = null;
        string?[]? dedupeIds = null;
        for (var i = 0; i < events.Count; i++)
        {
            var e = events[i];
            ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(routes, e.Route, out var known);
            if (!known) number = routes.Count;
            (ids[i], routeOf[i], payloads[i]) = (e.Id, number, e.Payload);
            if (e.OrderingKey is not null) (orderingKeys ??= new string?[events.Count])[i] = e.OrderingKey;
            if (e.DedupeId is not null) (dedupeIds ??= new string?[events.Count])[i] = e.DedupeId;
        }

        // Dictionaries without removals enumerate in the order of insertion: that of the numbers.
        var distinct = routes.Keys.ToArray();
        AddArray(parameters, NpgsqlDbType.Text, Array.ConvertAll(distinct, r => r.Organization));
        AddArray(parameters, NpgsqlDbType.Text, Array.ConvertAll(distinct, r => r.Project));
        AddArray(parameters, NpgsqlDbType.Text, Array.ConvertAll(distinct, r => r.Inbox));
        AddArray(parameters, NpgsqlDbType.Text, Array.ConvertAll(distinct, r => r.Type));
        AddArray(parameters, NpgsqlDbType.Uuid, Array.ConvertAll(distinct, r => r.Target));
        AddArray(parameters, NpgsqlDbType.Uuid, ids);
        AddArray(parameters, NpgsqlDbType.Integer, routeOf);
        AddArray(parameters, NpgsqlDbType.Bytea, payloads);
        AddArray(parameters, NpgsqlDbType.Text, orderingKeys);
        AddArray(parameters, NpgsqlDbType.Text, dedupeIds);
        parameters.Add(new NpgsqlParameter { Value = holding.Owner is { } owner ? owner.Id : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Integer });
        parameters.Add(new NpgsqlParameter<int> { TypedValue = holding.Room });
        AddArray(parameters, NpgsqlDbType.Uuid, holding.FullLanes);
    }

    private static void AddArray(NpgsqlParameterCollection parameters, NpgsqlDbType type, object? array) =>
        parameters.Add(new NpgsqlParameter { Value = array ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Array | type });

    private static async Task<AcceptedBatch> ReadAsync(
        NpgsqlDataReader reader, IReadOnlyList<NewEvent> events, NodeIdentity? owner, CancellationToken ct)
    {
        var answers = new Accepted[events.Count];
        for (var i = 0; i < answers.Length; i++) answers[i] = new Accepted(events[i].Id, 0, false, null);
        var owned = new List<Delivery>(owner is null ? 0 : events.Count);
        var unowned = new HashSet<Guid>();
        var messageId = "";
        var messageOf = -1;
        while (await reader.ReadAsync(ct))
        {
            var n = reader.GetInt32(0) - 1;
            if (reader.IsDBNull(2))
            {
                answers[n] = new Accepted(reader.GetGuid(1), 0, true, null);
                continue;
            }

            var deliveryId = reader.GetGuid(2);
            answers[n] = answers[n] with { Deliveries = answers[n].Deliveries + 1, DeliveryId = deliveryId };
            if (!reader.GetBoolean(6))
            {
                unowned.Add(reader.GetGuid(3));
                continue;
            }

            var e = events[n];
            if (messageOf != n) (messageOf, messageId) = (n, Ids.Format(Ids.Event, e.Id));
            owned.Add(new Delivery
            {
                Id = deliveryId,
                EventId = e.Id,
                MessageId = messageId,
                Organization = e.Route.Organization,
                Project = e.Route.Project,
                EventType = e.Route.Type,
                Payload = e.Payload,
                IntegrationId = reader.GetGuid(3),
                IntegrationVersion = reader.GetInt32(4),
                Retention = reader.GetInt16(5),
                Owner = owner!,
            });
        }

        return new AcceptedBatch(events, answers, owned, [.. unowned]);
    }
}
