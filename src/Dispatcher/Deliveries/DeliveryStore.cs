// Reads deliveries: live ones from the queue, finished ones from the archive, as one list.

using Dispatcher.Access;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>Which deliveries to list; null: no matter.</summary>
internal sealed record DeliveryQuery(Guid? Integration, Guid? Event, string? Type, string? Status, DateTimeOffset? Since, DateTimeOffset? Until);

internal sealed class DeliveryStore(NpgsqlDataSource source, AttemptStore attempts)
{
    private const string LiveColumns =
        """
        q.id, q.event_id, e.type, q.integration_id, e.project,
        CASE WHEN q.owner IS NOT NULL THEN 'delivering' WHEN q.attempts > q.round_start THEN 'failed' ELSE 'pending' END AS status,
        q.attempts, a.outcome, a.status_code, nullif(q.due_at, 'infinity'), NULL::timestamptz
        """;

    private const string LiveTables =
        """
        dispatcher.queue q
        JOIN dispatcher.event e ON e.organization_id = q.organization_id AND e.id = q.event_id
        LEFT JOIN LATERAL (
            SELECT a.outcome, a.status_code FROM dispatcher.attempt a
            WHERE a.organization_id = q.organization_id AND a.delivery_id = q.id ORDER BY a.number DESC LIMIT 1) a ON q.attempts > 0
        """;

    private const string FinishedColumns =
        """
        d.id, d.event_id, d.event_type, d.integration_id, d.project, d.status, greatest(d.attempts, a.number),
        coalesce(d.last_outcome, a.outcome), coalesce(d.last_status_code, a.status_code), NULL::timestamptz, d.finished_at
        """;

    // A cancelled delivery has no attempt inline, and one that was under way is recorded after it.
    private const string FinishedTables =
        """
        dispatcher.delivery d
        LEFT JOIN LATERAL (
            SELECT a.number, a.outcome, a.status_code FROM dispatcher.attempt a
            WHERE a.organization_id = d.organization_id AND a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1) a ON d.status = 'cancelled'
        """;

    /// <summary>One row more than the page asks for, where there is one.</summary>
    public Task<List<DeliveryView>> ListAsync(Tenant tenant, DeliveryQuery query, PageQuery page, CancellationToken ct)
    {
        var where = new Where();
        var parts = new List<string>();
        if (query.Status is null || DeliveryStatus.Live.Contains(query.Status)) parts.Add(Live(where, tenant, query, page.AfterId, page.Limit + 1));
        if (query.Status is null || !DeliveryStatus.Live.Contains(query.Status)) parts.Add(Finished(where, tenant, query, page.AfterId, page.Limit + 1));
        return ReadAsync(where, $"SELECT * FROM ({string.Join(" UNION ALL ", parts)}) u ORDER BY id DESC LIMIT {page.Limit + 1}", ct);
    }

    /// <summary>All deliveries of an event, newest first.</summary>
    public async Task<List<DeliveryView>> OfEventAsync(Tenant tenant, string eventId, CancellationToken ct)
    {
        const int most = 10_000;
        Ids.TryParse(Ids.Event, eventId, out var id);
        return await ListAsync(tenant, new DeliveryQuery(null, id, null, null, null, null), new PageQuery(most, null), ct);
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

    public async Task<DeliveryView?> FindAsync(Tenant tenant, Guid id, CancellationToken ct)
    {
        // Live first: a delivery that finishes between the two reads is then found as finished, not lost.
        foreach (var sql in new[]
        {
            $"SELECT {LiveColumns} FROM {LiveTables} WHERE q.organization_id = $1 AND q.id = $2",
            $"SELECT {FinishedColumns} FROM {FinishedTables} WHERE d.organization_id = $1 AND d.id = $2",
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

    private static string Live(Where where, Tenant tenant, DeliveryQuery query, Guid? after, int limit)
    {
        var conditions = Common("q", "e.type", "e.project", tenant, query, after, where);
        if (query.Status == DeliveryStatus.Delivering) conditions.Add("q.owner IS NOT NULL");
        else if (query.Status == DeliveryStatus.Failed) conditions.Add("q.owner IS NULL AND q.attempts > q.round_start");
        else if (query.Status == DeliveryStatus.Pending) conditions.Add("q.owner IS NULL AND q.attempts = q.round_start");
        return $"(SELECT {LiveColumns} FROM {LiveTables} WHERE {string.Join(" AND ", conditions)} ORDER BY q.id DESC LIMIT {limit})";
    }

    private static string Finished(Where where, Tenant tenant, DeliveryQuery query, Guid? after, int limit)
    {
        var conditions = Common("d", "d.event_type", "d.project", tenant, query, after, where);
        if (query.Status is not null) conditions.Add($"d.status = {where.Value(query.Status)}");
        return $"(SELECT {FinishedColumns} FROM {FinishedTables} WHERE {string.Join(" AND ", conditions)} ORDER BY d.id DESC LIMIT {limit})";
    }

    private static List<string> Common(string alias, string type, string project, Tenant tenant, DeliveryQuery query, Guid? after, Where where)
    {
        var conditions = new List<string> { $"{alias}.organization_id = {where.Value(tenant.Organization)}" };
        Add($"coalesce({project}, 'default') = ", tenant.Project);
        Add($"{type} = ", query.Type);
        Add($"{alias}.integration_id = ", query.Integration);
        Add($"{alias}.id >= ", query.Since is { } since ? Ids.Floor(since) : null);
        Add($"{alias}.id < ", query.Until is { } until ? Ids.Floor(until) : null);
        Add($"{alias}.id < ", after);
        if (query.Event is { } id)
        {
            // A delivery shares its first eight bytes with its event: a range of the primary key instead of an index.
            var (first, last) = Ids.Siblings(id);
            Add($"{alias}.event_id = ", id);
            Add($"{alias}.id >= ", first);
            Add($"{alias}.id <= ", last);
        }

        return conditions;

        void Add(string condition, object? value)
        {
            if (value is not null) conditions.Add(condition + where.Value(value));
        }
    }

    private async Task<List<DeliveryView>> ReadAsync(Where where, string sql, CancellationToken ct)
    {
        await using var command = where.ToCommand(source, sql);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<DeliveryView>();
        while (await reader.ReadAsync(ct))
        {
            var id = reader.GetGuid(0);
            rows.Add(new DeliveryView(
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
                reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10)));
        }

        return rows;
    }
}
