// Reads events.

using Dispatcher.Access;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Events;

/// <summary>Which events to list; null: no matter.</summary>
internal sealed record EventQuery(string? Type, string? Project, string? Inbox, DateTimeOffset? Since, DateTimeOffset? Until)
{
    /// <summary>Reads the filters of an address. What is wrong with them is in <paramref name="filter"/> then.</summary>
    public static EventQuery Read(QueryFilter filter) => new(
        filter.Text("type", t => EventNames.IsType(t), EventNames.Rule), filter.Identifier("project"), filter.Identifier("inbox"),
        filter.Time("since"), filter.Time("until"));

    /// <summary>Whether an event is one of these.</summary>
    public bool Matches(EventView found) =>
        (Type is null || found.Type == Type)
        && (Project is null || (found.Project ?? Tenant.Default) == Project)
        && (Inbox is null || found.Inbox == Inbox)
        && (Since is not { } since || found.CreatedAt >= since)
        && (Until is not { } until || found.CreatedAt < until);
}

internal sealed class EventStore(NpgsqlDataSource source, TimeProvider time)
{
    private const string Columns = "e.id, e.type, e.project, e.inbox, e.ordering_key, e.dedupe_id";

    /// <summary>One row more than the page asks for, where there is one and it is found in time.</summary>
    public Task<Stretch<EventView>> ListAsync(Tenant tenant, EventQuery query, PageQuery page, CancellationToken ct) =>
        BoundedSearch.CollectAsync(page, BoundedSearch.Patience, time, (after, need) => StepAsync(tenant, query, after, need, ct));

    // Of what a step looks at, the last row comes along whether or not it matches: it says where the next step begins.
    private async Task<Stretch<EventView>> StepAsync(Tenant tenant, EventQuery query, Guid? after, int need, CancellationToken ct)
    {
        var where = new Where();
        var walk = new Where(where)
            .And("e.organization_id = {0}", tenant.Organization)
            .AndIds("e", query.Since, query.Until, after);
        where
            .And("coalesce(e.project, 'default') = {0}", tenant.Project)
            .And("coalesce(e.project, 'default') = {0}", query.Project)
            .And("e.inbox = {0}", query.Inbox)
            .And("e.type = {0}", query.Type);
        // Where everything matches, there is no need to look further than the page.
        var step = where.IsEmpty ? Math.Min(need, BoundedSearch.Step) : BoundedSearch.Step;
        await using var command = where.ToCommand(
            source,
            $"""
            SELECT {Columns}, coalesce(e.matches, false), e.n = {step} FROM (
                SELECT {Columns}, ({where}) AS matches, row_number() OVER (ORDER BY e.id DESC) AS n FROM (
                    SELECT {Columns} FROM dispatcher.event e WHERE {walk} ORDER BY e.id DESC LIMIT {step}) e) e
            WHERE e.matches OR e.n = {step} ORDER BY e.id DESC LIMIT {where.Value(need)}
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<EventView>();
        Guid? resume = null;
        while (await reader.ReadAsync(ct))
        {
            if (reader.GetBoolean(6)) rows.Add(View(reader));
            if (reader.GetBoolean(7)) resume = reader.GetGuid(0);
        }

        return new Stretch<EventView>(rows, resume);
    }

    /// <summary>Which of these events of the organization the caller may know of.</summary>
    public async Task<HashSet<Guid>> VisibleAsync(Tenant tenant, IReadOnlyCollection<Guid> ids, CancellationToken ct)
    {
        if (tenant.Project is null || ids.Count == 0) return [.. ids];
        await using var command = source.CreateCommand(
            "SELECT e.id FROM dispatcher.event e WHERE e.organization_id = $1 AND e.id = ANY ($2) AND coalesce(e.project, 'default') = $3");
        command.Parameters.AddWithValue(tenant.Organization);
        command.Parameters.AddWithValue(ids.ToArray());
        command.Parameters.AddWithValue(tenant.Project);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var visible = new HashSet<Guid>();
        while (await reader.ReadAsync(ct)) visible.Add(reader.GetGuid(0));
        return visible;
    }

    /// <summary>Finds an event by its own id or by the id that its caller gave it. Its deliveries are left empty.</summary>
    public async Task<EventDetail?> FindAsync(Tenant tenant, string id, CancellationToken ct)
    {
        var where = new Where().And("e.organization_id = {0}", tenant.Organization);
        if (Ids.TryParse(Ids.Event, id, out var eventId)) where.And("e.id = {0}", eventId);
        else if (!Identifiers.IsValid(id)) return null;
        else where.And("e.id = (SELECT d.event_id FROM dispatcher.event_dedupe d WHERE d.organization_id = e.organization_id AND d.dedupe_id = {0})", id);

        await using var command = where.ToCommand(source, $"SELECT {Columns}, e.payload FROM dispatcher.event e WHERE {where}");
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        var v = View(reader);
        if (!tenant.Sees(v.Project)) return null;
        return new EventDetail(
            v.Id, v.Type, v.Project, v.Inbox, v.OrderingKey, v.DedupeId, v.CreatedAt, new RawJson(reader.GetFieldValue<byte[]>(6)), []);
    }

    private static EventView View(NpgsqlDataReader reader)
    {
        var id = reader.GetGuid(0);
        return new EventView(Ids.Format(Ids.Event, id), reader.GetString(1), TextAt(2), TextAt(3), TextAt(4), TextAt(5), Ids.TimeOf(id));

        string? TextAt(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
    }
}
