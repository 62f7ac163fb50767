// Tasks as people see them: asked for, read, cancelled. RecoveryStep does the work.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Recoveries;

internal sealed class RecoveryStore(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Tasks of one integration that may wait at once: each caller has had the database count for a while.</summary>
    public const int MaxOpen = 20;

    private const string View =
        """
        t.id, t.kind, t.integration_id, t.since, t.until, t.total, t.counted_to IS NOT NULL AND t.finished_at IS NULL, t.done, t.status, t.error,
        t.created_at, t.finished_at
        """;

    /// <summary>Bulk actions on one integration's deliveries are listed with those on many, by <see cref="BulkStore"/>.</summary>
    private const string OfIntegration = "t.kind IN ('recover', 'replay')";

    // The notification ends the sleep of every node's RecoveryRunner.
    private const string AskSql =
        $"""
        WITH t AS (
            INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, since, until, position, bound, counted_to, total, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *
        )
        SELECT {View}, pg_notify('dispatcher_changed', 'task')::text FROM t
        """;

    /// <summary>Makes a task of what a caller asks for, once it is known how much that is.</summary>
    public async Task<TaskView> AskAsync(
        string kind, Tenant tenant, string integrationId, DateTimeOffset since, DateTimeOffset until, AuditContext audit, CancellationToken ct)
    {
        var integration = await RequireAsync(tenant, integrationId, ct);
        if (!integration.Enabled)
            throw Problem.Conflict("The integration is disabled: nothing is sent to it. Enable it, then ask again; nothing is lost meanwhile.").AsException();
        if (integration.Open >= MaxOpen)
            throw Problem.Conflict($"{MaxOpen} tasks of this integration have not finished; wait until one has, or cancel one.").AsException();

        var (first, bound) = (Ids.Floor(since), Ids.Floor(until));
        var scope = new RecoveryScope(kind, tenant.Organization, integration.Id, integration.Subscription, bound, integration.Now);
        var count = await RecoveryCount.BeginAsync(scope, first, source, time, ct);

        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using var command = new NpgsqlCommand(AskSql, connection, transaction);
        foreach (var value in new object[]
        {
            tenant.Organization, Ids.NewUuid(time.GetUtcNow()), integration.Id, kind, since, until, first, bound,
            count.To is { } to ? to : DBNull.Value, count.Total, integration.Now,
        }) command.Parameters.AddWithValue(value);
        var view = (await ReadAsync(command, ct))[0];
        var entry = audit.Entry(AuditAction.RecoveryStarted, AuditTarget.Integration(integration.Id), integration.Subscription.Project, new()
        {
            ["kind"] = kind,
            ["task"] = view.Id,
            ["since"] = Rfc3339Converter.ToText(since),
            ["until"] = Rfc3339Converter.ToText(until),
            ["count"] = view.Count,
        });
        await AuditStatement.InsertAsync([entry], connection, transaction, ct);
        await transaction.CommitAsync(ct);
        return view;
    }

    /// <summary>One row more than the page asks for, where there is one.</summary>
    public async Task<List<TaskView>> ListAsync(Tenant tenant, string integrationId, PageQuery page, CancellationToken ct)
    {
        var integration = await RequireAsync(tenant, integrationId, ct);
        var where = new Where()
            .And("t.organization_id = {0}", tenant.Organization)
            .And("t.integration_id = {0}", integration.Id)
            .And(OfIntegration)
            .And("t.id < {0}", page.AfterId);
        await using var command = where.ToCommand(
            source, $"SELECT {View} FROM dispatcher.task t WHERE {where} ORDER BY t.id DESC LIMIT {page.Limit + 1}");
        return await ReadAsync(command, ct);
    }

    public async Task<TaskView> GetAsync(Tenant tenant, string integrationId, string id, CancellationToken ct)
    {
        var integration = await RequireAsync(tenant, integrationId, ct);
        return await FindAsync(tenant, integration.Id, id, ct) ?? throw NotFound(id);
    }

    /// <summary>Ends a task. Waits for a step that is under way; what was made live until then is sent.</summary>
    public async Task<TaskView> CancelAsync(Tenant tenant, string integrationId, string id, AuditContext audit, CancellationToken ct)
    {
        var integration = await RequireAsync(tenant, integrationId, ct);
        if (!Ids.TryParse(Ids.Task, id, out var key)) throw NotFound(id);
        var entry = audit.Entry(AuditAction.TaskCancelled, AuditTarget.Task(key), integration.Subscription.Project, new() { ["integration"] = integrationId });
        var ended = await EndAsync(tenant, integration.Id, key, entry, ct);
        var view = await FindAsync(tenant, integration.Id, id, ct) ?? throw NotFound(id);
        return ended ? view : throw Problem.Conflict($"The task has ended already: it is {view.Status}.").AsException();
    }

    /// <summary>Whether there was a task to end.</summary>
    private async Task<bool> EndAsync(Tenant tenant, Guid integration, Guid task, AuditEntry entry, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using var command = new NpgsqlCommand(
            """
            UPDATE dispatcher.task SET status = 'cancelled', finished_at = now()
            WHERE organization_id = $1 AND id = $2 AND integration_id = $3 AND finished_at IS NULL AND kind IN ('recover', 'replay')
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue(tenant.Organization);
        command.Parameters.AddWithValue(task);
        command.Parameters.AddWithValue(integration);
        if (await command.ExecuteNonQueryAsync(ct) == 0) return false;
        await AuditStatement.InsertAsync([entry], connection, transaction, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    private async Task<TaskView?> FindAsync(Tenant tenant, Guid integration, string id, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.Task, id, out var key)) return null;
        var where = new Where()
            .And("t.organization_id = {0}", tenant.Organization).And("t.id = {0}", key).And("t.integration_id = {0}", integration).And(OfIntegration);
        await using var command = where.ToCommand(source, $"SELECT {View} FROM dispatcher.task t WHERE {where}");
        return (await ReadAsync(command, ct)) is [var found] ? found : null;
    }

    /// <summary>The integration, where the caller sees it.</summary>
    private async Task<Subject> RequireAsync(Tenant tenant, string id, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.Integration, id, out var key)) throw NotFoundIntegration(id);
        var where = new Where()
            .And("i.organization_id = {0}", tenant.Organization).And("i.id = {0}", key).And("i.project = {0}", tenant.Project);
        await using var command = where.ToCommand(
            source,
            $"""
            SELECT i.project, i.inbox, i.events, i.ordering, i.enabled, now(), (
                SELECT count(*) FROM dispatcher.task t
                WHERE t.organization_id = i.organization_id AND t.integration_id = i.id AND t.finished_at IS NULL)
            FROM dispatcher.integration i WHERE {where} AND i.deleted_at IS NULL
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) throw NotFoundIntegration(id);
        return new Subject(
            key, ReadSubscription(reader, 0), reader.GetBoolean(4), await reader.GetFieldValueAsync<DateTimeOffset>(5, ct), reader.GetInt64(6));
    }

    /// <summary>Reads project, inbox, events and ordering.</summary>
    public static Subscription ReadSubscription(NpgsqlDataReader reader, int column) => new(
        reader.IsDBNull(column) ? null : reader.GetString(column),
        reader.IsDBNull(column + 1) ? null : reader.GetString(column + 1),
        reader.GetFieldValue<string[]>(column + 2),
        reader.GetString(column + 3) == "by_key");

    private static async Task<List<TaskView>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<TaskView>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(new TaskView(
                Ids.Format(Ids.Task, reader.GetGuid(0)),
                reader.GetString(1),
                Ids.Format(Ids.Integration, reader.GetGuid(2)),
                reader.GetFieldValue<DateTimeOffset>(3),
                reader.GetFieldValue<DateTimeOffset>(4),
                reader.GetInt64(5),
                reader.GetBoolean(6),
                reader.GetInt64(7),
                reader.GetString(8),
                reader.IsDBNull(9) ? null : reader.GetString(9),
                reader.GetFieldValue<DateTimeOffset>(10),
                reader.IsDBNull(11) ? null : reader.GetFieldValue<DateTimeOffset>(11)));
        }

        return rows;
    }

    private static ProblemException NotFoundIntegration(string id) => Problem.NotFound($"There is no integration \"{id}\".").AsException();

    private static ProblemException NotFound(string id) => Problem.NotFound($"There is no task \"{id}\" of this integration.").AsException();

    private sealed record Subject(Guid Id, Subscription Subscription, bool Enabled, DateTimeOffset Now, long Open);
}
