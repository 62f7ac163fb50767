// Reads deliveries: live ones from the queue, finished ones from the archive, as one list.

using Dispatcher.Access;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

internal sealed class DeliveryStore(NpgsqlDataSource source, AttemptStore attempts, TimeProvider time)
{
    /// <summary>One row more than the page asks for, where there is one and it is found in time.</summary>
    public Task<Stretch<DeliveryView>> ListAsync(Tenant tenant, DeliveryQuery query, PageQuery page, CancellationToken ct) =>
        SearchAsync(tenant, query, page, BoundedSearch.Patience, ct);

    /// <summary>All deliveries of an event, newest first.</summary>
    public async Task<List<DeliveryView>> OfEventAsync(Tenant tenant, string eventId, CancellationToken ct)
    {
        const int most = 10_000;
        Ids.TryParse(Ids.Event, eventId, out var id);
        return (await SearchAsync(tenant, new DeliveryQuery(null, id, null, null, null, null), new PageQuery(most, null), null, ct)).Rows;
    }

    public async Task<int> CountOfEventAsync(string organization, Guid eventId, CancellationToken ct)
    {
        var (first, last) = Ids.Siblings(eventId);
        await using var command = source.CreateCommand(
            """
            SELECT (SELECT count(*) FROM dispatcher.queue WHERE organization_id = $1 AND id BETWEEN $2 AND $3 AND event_id = $4)
                 + (SELECT count(*) FROM dispatcher.delivery WHERE organization_id = $1 AND id BETWEEN $2 AND $3 AND event_id = $4)
            """);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(first);
        command.Parameters.AddWithValue(last);
        command.Parameters.AddWithValue(eventId);
        return (int)(long)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>How many deliveries each of these events of an organization has.</summary>
    public async Task<Dictionary<string, int>> CountOfEventsAsync(string organization, IReadOnlyList<string> events, CancellationToken ct)
    {
        var ids = events.Select(e => Ids.TryParse(Ids.Event, e, out var id) ? id : throw new ArgumentException("Not an event's id.", nameof(events))).ToArray();
        // Each count is a short range of the primary key.
        await using var command = source.CreateCommand(
            """
            SELECT e.id, c.live + c.finished FROM unnest($2, $3, $4) AS e (id, first, last)
            CROSS JOIN LATERAL (
                SELECT (SELECT count(*) FROM dispatcher.queue q WHERE q.organization_id = $1 AND q.id BETWEEN e.first AND e.last AND q.event_id = e.id) AS live,
                       (SELECT count(*) FROM dispatcher.delivery d WHERE d.organization_id = $1 AND d.id BETWEEN e.first AND e.last AND d.event_id = e.id) AS finished) c
            """);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(ids);
        command.Parameters.AddWithValue(ids.Select(id => Ids.Siblings(id).First).ToArray());
        command.Parameters.AddWithValue(ids.Select(id => Ids.Siblings(id).Last).ToArray());
        await using var reader = await command.ExecuteReaderAsync(ct);
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        while (await reader.ReadAsync(ct)) counts[Ids.Format(Ids.Event, reader.GetGuid(0))] = (int)reader.GetInt64(1);
        return counts;
    }

    public async Task<DeliveryView?> FindAsync(Tenant tenant, Guid id, CancellationToken ct)
    {
        // Live first: a delivery that finishes between the two reads is then found as finished, not lost.
        foreach (var sql in new[]
        {
            $"SELECT {DeliveryWalk.LiveColumns} FROM {DeliveryWalk.LiveTables} WHERE q.organization_id = $1 AND q.id = $2",
            $"SELECT {DeliveryWalk.FinishedColumns} FROM {DeliveryWalk.FinishedTables} WHERE d.organization_id = $1 AND d.id = $2",
        })
        {
            var where = new Where();
            where.Value(tenant.Organization);
            where.Value(id);
            if ((await ReadAsync(where, sql, ct)) is [var found]) return tenant.Sees(found.Project) ? found : null;
        }

        return null;
    }

    public async Task<DeliveryDetail?> FindDetailAsync(Tenant tenant, Guid id, CancellationToken ct)
    {
        if (await FindAsync(tenant, id, ct) is not { } view) return null;
        var made = await attempts.OfDeliveryAsync(tenant.Organization, id, view.EventId, view.EventType, ct);
        return new DeliveryDetail(view with { AttemptCount = Math.Max(view.AttemptCount, made.Count) }, made);
    }

    private async Task<Stretch<DeliveryView>> SearchAsync(
        Tenant tenant, DeliveryQuery query, PageQuery page, TimeSpan? patience, CancellationToken ct)
    {
        var shortLane = query.Integration is { } integration && DeliveryWalk.HasLive(query) && await IsShortLaneAsync(integration, ct);
        return await BoundedSearch.CollectAsync(page, patience, time, (after, need) => StepAsync(new DeliveryWalk(tenant, query, after, need, shortLane), ct));
    }

    private async Task<Stretch<DeliveryView>> StepAsync(DeliveryWalk walk, CancellationToken ct)
    {
        await using var command = walk.ToCommand(source);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var found = new List<(Guid Id, DeliveryView View)>();
        Guid? resume = null;
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetGuid(0);
            if (reader.GetBoolean(DeliveryWalk.MatchesColumn)) found.Add((id, View(reader)));
            // Live and finished deliveries are walked side by side; the list is whole only as far as both have come. Rows come newest first.
            if (reader.GetBoolean(DeliveryWalk.LastColumn)) resume ??= id;
        }

        if (resume is { } end) found.RemoveAll(f => Compare(f.Id, end) < 0);
        return new Stretch<DeliveryView>(found.Take(walk.Need).Select(f => f.View).ToList(), resume);
    }

    private async Task<bool> IsShortLaneAsync(Guid integration, CancellationToken ct)
    {
        await using var command = source.CreateCommand(DeliveryWalk.LaneLengthSql);
        command.Parameters.AddWithValue(integration);
        return (long)(await command.ExecuteScalarAsync(ct))! < BoundedSearch.Step;
    }

    private async Task<List<DeliveryView>> ReadAsync(Where where, string sql, CancellationToken ct)
    {
        await using var command = where.ToCommand(source, sql);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<DeliveryView>();
        while (await reader.ReadAsync(ct)) rows.Add(View(reader));
        return rows;
    }

    /// <summary>Reads the columns of <see cref="DeliveryWalk"/>.</summary>
    public static DeliveryView View(NpgsqlDataReader reader)
    {
        var id = reader.GetGuid(0);
        return new DeliveryView(
            Ids.Format(Ids.Delivery, id),
            Ids.Format(Ids.Event, reader.GetGuid(1)),
            reader.GetString(2),
            Ids.Format(Ids.Integration, reader.GetGuid(3)),
            reader.IsDBNull(4) ? null : reader.GetString(4),
            reader.GetString(5),
            reader.GetInt16(6),
            reader.IsDBNull(7) ? null : reader.GetString(7),
            reader.IsDBNull(8) ? null : reader.GetInt16(8),
            Ids.TimeOf(id),
            reader.IsDBNull(9) ? null : reader.GetFieldValue<DateTimeOffset>(9),
            reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10));
    }

    // As the database orders them: by their bytes.
    private static int Compare(Guid left, Guid right) => string.CompareOrdinal(left.ToString("N"), right.ToString("N"));
}
