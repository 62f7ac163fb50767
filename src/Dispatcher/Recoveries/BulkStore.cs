// Bulk actions as people see them: counted beforehand, asked for, read, cancelled. RecoveryStep does the work.

using System.Text.Json.Nodes;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Recoveries;

/// <summary>What is asked for, checked.</summary>
/// <param name="Action">One of <see cref="BulkAction.All"/>.</param>
/// <param name="Filter">Which deliveries.</param>
/// <param name="Since">The beginning of the span; null: the oldest there are.</param>
/// <param name="Until">Its end.</param>
internal sealed record BulkOrder(string Action, BulkFilter Filter, DateTimeOffset? Since, DateTimeOffset Until)
{
    public string Kind => TaskKind.BulkPrefix + Action;
}

internal sealed class BulkStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Bulk actions of an organization that may wait at once.</summary>
    public const int MaxOpen = 20;

    private const string Bulk = "t.kind LIKE 'bulk%'";

    private const string View =
        """
        t.id, t.kind, t.integration_id, t.event_type, t.statuses, t.since, t.until, t.project, t.total, t.counted_to IS NOT NULL AND t.finished_at IS NULL,
        t.done, t.status, t.error, t.created_at, t.finished_at
        """;

    // The notification ends the sleep of every node's RecoveryRunner.
    private const string AskSql =
        $"""
        WITH t AS (
            INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, since, until, position, bound, counted_to, total, created_at,
                project, event_type, statuses)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING *
        )
        SELECT {View}, pg_notify('dispatcher_changed', 'task')::text FROM t
        """;

    /// <summary>How many deliveries the action would find now, counted for as long as a caller waits.</summary>
    public async Task<BulkCountView> CountAsync(Tenant tenant, BulkOrder order, CancellationToken ct)
    {
        var count = await CountAsync(tenant, order, time.GetUtcNow(), ct);
        return new BulkCountView(order.Action, count.Total, count.To is not null);
    }

    /// <summary>Makes a task of what is asked for, once it is known how much that is.</summary>
    /// <exception cref="ProblemException">404: the tenant sees no such integration. 409: nothing is sent to it, or too many tasks wait.</exception>
    public async Task<BulkTaskView> AskAsync(Tenant tenant, BulkOrder order, AuditContext audit, CancellationToken ct)
    {
        var subject = await RequireAsync(tenant, order, ct);
        if (subject.Open >= MaxOpen)
            throw Problem.Conflict($"{MaxOpen} bulk actions of this organization have not finished; wait until one has, or cancel one.").AsException();
        var count = await CountAsync(tenant, order, subject.Now, ct);

        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using var command = new NpgsqlCommand(AskSql, connection, transaction);
        var filter = order.Filter;
        foreach (var (value, type) in new (object?, NpgsqlDbType)[]
        {
            (tenant.Organization, NpgsqlDbType.Text), (Ids.NewUuid(time.GetUtcNow()), NpgsqlDbType.Uuid), (filter.Integration, NpgsqlDbType.Uuid),
            (order.Kind, NpgsqlDbType.Text), (order.Since, NpgsqlDbType.TimestampTz), (order.Until, NpgsqlDbType.TimestampTz),
            (FirstOf(order), NpgsqlDbType.Uuid), (Ids.Floor(order.Until), NpgsqlDbType.Uuid), (count.To, NpgsqlDbType.Uuid), (count.Total, NpgsqlDbType.Bigint),
            (subject.Now, NpgsqlDbType.TimestampTz), (filter.Project, NpgsqlDbType.Text), (filter.EventType, NpgsqlDbType.Text),
            (filter.Statuses, NpgsqlDbType.Array | NpgsqlDbType.Text),
        }) command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value, NpgsqlDbType = type });
        var view = (await ReadAsync(command, ct))[0];
        await AuditStatement.InsertAsync([Entry(audit, order, view)], connection, transaction, ct);
        await transaction.CommitAsync(ct);
        return view;
    }

    /// <summary>One row more than the page asks for, where there is one.</summary>
    public async Task<List<BulkTaskView>> ListAsync(Tenant tenant, PageQuery page, CancellationToken ct)
    {
        var where = Visible(tenant).And("t.id < {0}", page.AfterId);
        await using var command = where.ToCommand(source, $"SELECT {View} FROM dispatcher.task t WHERE {where} ORDER BY t.id DESC LIMIT {page.Limit + 1}");
        return await ReadAsync(command, ct);
    }

    public async Task<BulkTaskView> GetAsync(Tenant tenant, string id, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.Task, id, out var key)) throw NotFound(id);
        var where = Visible(tenant).And("t.id = {0}", key);
        await using var command = where.ToCommand(source, $"SELECT {View} FROM dispatcher.task t WHERE {where}");
        return (await ReadAsync(command, ct)) is [var found] ? found : throw NotFound(id);
    }

    /// <summary>Ends a bulk action. Waits for a step that is under way; what was done until then stays done.</summary>
    public async Task<BulkTaskView> CancelAsync(Tenant tenant, string id, AuditContext audit, CancellationToken ct)
    {
        var before = await GetAsync(tenant, id, ct);
        Ids.TryParse(Ids.Task, id, out var key);
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using var command = new NpgsqlCommand(
            $"""
            WITH t AS (
                UPDATE dispatcher.task SET status = 'cancelled', finished_at = now()
                WHERE organization_id = $1 AND id = $2 AND finished_at IS NULL RETURNING *)
            SELECT {View} FROM t
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue(tenant.Organization);
        command.Parameters.AddWithValue(key);
        if (await ReadAsync(command, ct) is not [var ended])
            throw Problem.Conflict($"The task has ended already: it is {(await GetAsync(tenant, id, ct)).Status}.").AsException();
        var entry = audit.Entry(AuditAction.TaskCancelled, AuditTarget.Task(key), before.Project, new() { ["action"] = before.Action });
        await AuditStatement.InsertAsync([entry], connection, transaction, ct);
        await transaction.CommitAsync(ct);
        return ended;
    }

    private Task<RecoveryCount> CountAsync(Tenant tenant, BulkOrder order, DateTimeOffset now, CancellationToken ct)
    {
        var scope = new RecoveryScope(
            order.Kind, tenant.Organization, order.Filter.Integration ?? Guid.Empty, Subscription.None, Ids.Floor(order.Until), now)
        { Filter = order.Filter };
        return RecoveryCount.BeginAsync(scope, FirstOf(order), source, time, ct);
    }

    private static Guid FirstOf(BulkOrder order) => order.Since is { } since ? Ids.Floor(since) : Guid.Empty;

    /// <summary>A key of a project sees what was asked for with keys of its project.</summary>
    private static Where Visible(Tenant tenant) =>
        new Where().And("t.organization_id = {0}", tenant.Organization).And("t.project = {0}", tenant.Project).And(Bulk);

    /// <summary>The database's time and how much waits already; that the integration, where one is named, is one that the action can be about.</summary>
    private async Task<Subject> RequireAsync(Tenant tenant, BulkOrder order, CancellationToken ct)
    {
        var one = new Where().And("i.organization_id = {0}", tenant.Organization).And("i.id = {0}", order.Filter.Integration).And("i.project = {0}", tenant.Project);
        var organization = one.Value(tenant.Organization);
        await using var command = one.ToCommand(
            source,
            $"""
            SELECT now(), (SELECT count(*) FROM dispatcher.task t WHERE t.organization_id = {organization} AND {Bulk} AND t.finished_at IS NULL),
                   {(order.Filter.Integration is null ? "true" : $"(SELECT i.enabled FROM dispatcher.integration i WHERE {one} AND i.deleted_at IS NULL)")}
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        if (await reader.IsDBNullAsync(2, ct)) throw Problem.NotFound($"There is no integration \"{Ids.Format(Ids.Integration, order.Filter.Integration!.Value)}\".").AsException();
        if (!reader.GetBoolean(2) && order.Action != BulkAction.Cancel)
            throw Problem.Conflict("The integration is disabled: nothing is sent to it. Enable it, then ask again; nothing is lost meanwhile.").AsException();
        return new Subject(await reader.GetFieldValueAsync<DateTimeOffset>(0, ct), reader.GetInt64(1));
    }

    private static AuditEntry Entry(AuditContext audit, BulkOrder order, BulkTaskView view)
    {
        Ids.TryParse(Ids.Task, view.Id, out var key);
        var details = new JsonObject { ["action"] = view.Action, ["count"] = view.Count };
        foreach (var (name, value) in new[]
        {
            ("integration", view.Filter.Integration), ("type", view.Filter.Type), ("status", view.Filter.Status),
            ("since", order.Since is { } since ? Rfc3339Converter.ToText(since) : null), ("until", Rfc3339Converter.ToText(order.Until)),
        }) if (value is not null) details[name] = value;
        return audit.Entry(AuditAction.BulkStarted, AuditTarget.Task(key), view.Project, details);
    }

    private static async Task<List<BulkTaskView>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<BulkTaskView>();
        while (await reader.ReadAsync(ct))
        {
            var statuses = reader.GetFieldValue<string[]>(4);
            rows.Add(new BulkTaskView(
                Ids.Format(Ids.Task, reader.GetGuid(0)),
                reader.GetString(1)[TaskKind.BulkPrefix.Length..],
                new BulkFilterView(
                    reader.IsDBNull(2) ? null : Ids.Format(Ids.Integration, reader.GetGuid(2)), TextAt(3), statuses is [var only] ? only : null, TimeAt(5), TimeAt(6)),
                TextAt(7), reader.GetInt64(8), reader.GetBoolean(9), reader.GetInt64(10), reader.GetString(11), TextAt(12), TimeAt(13)!.Value, TimeAt(14)));
        }

        return rows;

        string? TextAt(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        DateTimeOffset? TimeAt(int column) => reader.IsDBNull(column) ? null : reader.GetFieldValue<DateTimeOffset>(column);
    }

    private static ProblemException NotFound(string id) => Problem.NotFound($"There is no bulk action \"{id}\".").AsException();

    private sealed record Subject(DateTimeOffset Now, long Open);
}
