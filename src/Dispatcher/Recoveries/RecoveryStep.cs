// One step of one task, in one transaction: take a task, make up to a thousand deliveries live, move its position on.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Recoveries;

/// <summary>What a step came to.</summary>
/// <param name="Task">The task that it was a step of; null where none has a turn.</param>
/// <param name="Queued">Deliveries that are live now; of those that it cancelled: that are not any more.</param>
/// <param name="Ended">Whether it was the task's last step.</param>
/// <param name="Wait">How long no task has a turn, unless somebody asks for one.</param>
/// <param name="Integrations">How many deliveries of each integration it was about.</param>
internal readonly record struct StepResult(
    OpenTask? Task, long Queued, bool Ended, TimeSpan Wait, IReadOnlyList<KeyValuePair<Guid, long>>? Integrations = null);

/// <summary>A task that is under way.</summary>
internal sealed record OpenTask(Guid Id, RecoveryScope Scope, Guid Position, RecoveryCount Count, bool Enabled, bool Deleted);

/// <summary>A step that the database refused; the task it was a step of.</summary>
internal sealed class RecoveryStepException(OpenTask task, Exception inner) : Exception(inner.Message, inner)
{
    public OpenTask Task { get; } = task;
}

internal static class RecoveryStep
{
    /// <summary>Rows per step: a lock of some tens of milliseconds.</summary>
    public const int Rows = 1000;

    /// <summary>Live deliveries of an integration beyond which its tasks pause: a million recovered ones stay where they were until it is their turn.</summary>
    public const int MaxLive = 10_000;

    /// <summary>The same of an organization, for bulk actions on the deliveries of all its integrations.</summary>
    public const int MaxLiveOfAll = 50_000;

    /// <summary>How long nodes sleep when there is nothing to do and nobody rings.</summary>
    public static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    // One of an integration's tasks at a time: the one that runs, else the oldest that waits. Others' steps lock their tasks and
    // are passed by. task_running holds the rule where this cannot see it: two nodes that begin two tasks at the same instant.
    private const string TakeSql =
        """
        SELECT t.id, t.kind, t.organization_id, t.integration_id, i.project, i.inbox, i.events, i.ordering, t.bound, t.created_at,
               t.position, t.counted_to, t.total, coalesce(i.enabled, true), i.deleted_at IS NOT NULL, t.event_type, t.statuses, t.project
        FROM dispatcher.task t LEFT JOIN dispatcher.integration i ON i.organization_id = t.organization_id AND i.id = t.integration_id
        WHERE t.finished_at IS NULL AND t.next_at <= now() AND (t.status = 'running' OR NOT EXISTS (
            SELECT FROM dispatcher.task other
            WHERE other.organization_id = t.organization_id AND other.integration_id = t.integration_id AND other.finished_at IS NULL
              AND (other.status = 'running' OR other.id < t.id)))
        ORDER BY t.next_at LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
        """;

    private const string NextSql = "SELECT min(next_at) - now() FROM dispatcher.task WHERE finished_at IS NULL AND next_at > now()";

    private const string MoveSql =
        """
        UPDATE dispatcher.task SET status = 'running', position = $3, counted_to = $4, total = greatest($5, done + $6), done = done + $6, failures = 0,
               moved_at = now(), next_at = now()
        WHERE organization_id = $1 AND id = $2
        """;

    // The longer a task has not moved, the less often it is looked at: from a tenth of a second to two seconds.
    private const string PauseSql =
        """
        UPDATE dispatcher.task SET next_at = now() + least(interval '2 s', greatest(interval '0.1 s', (now() - moved_at) / 4))
        WHERE organization_id = $1 AND id = $2
        """;

    private const string EndSql = "UPDATE dispatcher.task SET status = $3, counted_to = NULL, finished_at = now() WHERE organization_id = $1 AND id = $2";

    /// <exception cref="RecoveryStepException">A statement failed after the task had been taken; nothing of the step has happened.</exception>
    public static async Task<StepResult> RunAsync(NpgsqlDataSource source, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        if (await TakeAsync(connection, transaction, ct) is not { } task) return new StepResult(null, 0, false, await NextAsync(connection, transaction, ct));
        try
        {
            var result = await RunAsync(task, connection, transaction, ct);
            await transaction.CommitAsync(ct);
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new RecoveryStepException(task, e);
        }
    }

    private static async Task<StepResult> RunAsync(OpenTask task, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        var scope = task.Scope;
        if (task.Deleted) return await EndAsync(TaskState.Cancelled);
        if (task.Count.To is not null)
        {
            // What the caller did not wait for. Disabled or not: counting sends nothing.
            var count = await task.Count.NextAsync(scope, connection, transaction, ct);
            return await MoveAsync(task.Position, count, 0);
        }

        if (await MustWaitAsync(task, connection, transaction, ct))
        {
            await ExecuteAsync(PauseSql);
            return default;
        }

        var stretch = await HandleAsync(task, connection, transaction, ct);
        return stretch.Last is { } position
            ? await MoveAsync(position, task.Count, stretch.Found) with { Integrations = stretch.Integrations ?? [KeyValuePair.Create(scope.Integration, stretch.Found)] }
            : await EndAsync(TaskState.Completed);

        async Task<StepResult> MoveAsync(Guid position, RecoveryCount count, long done)
        {
            await ExecuteAsync(MoveSql, position, count.To is { } to ? to : DBNull.Value, count.Total, done);
            return new StepResult(task, done, false, TimeSpan.Zero);
        }

        async Task<StepResult> EndAsync(string status)
        {
            await ExecuteAsync(EndSql, status);
            return new StepResult(task, 0, true, TimeSpan.Zero);
        }

        async Task ExecuteAsync(string sql, params object[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection, transaction);
            command.Parameters.AddWithValue(scope.Organization);
            command.Parameters.AddWithValue(task.Id);
            foreach (var value in values) command.Parameters.AddWithValue(value);
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    private static async Task<OpenTask?> TakeAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection, transaction);
        // A node that froze in the middle would keep its task from the others.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SET LOCAL idle_in_transaction_session_timeout = '5s'"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(TakeSql));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        Guid? integration = reader.IsDBNull(3) ? null : reader.GetGuid(3);
        var scope = new RecoveryScope(
            reader.GetString(1), reader.GetString(2), integration ?? Guid.Empty,
            integration is null ? Subscription.None : RecoveryStore.ReadSubscription(reader, 4), reader.GetGuid(8), reader.GetFieldValue<DateTimeOffset>(9))
        {
            Filter = reader.IsDBNull(16) ? null : new BulkFilter(
                integration, reader.IsDBNull(15) ? null : reader.GetString(15), reader.GetFieldValue<string[]>(16), reader.IsDBNull(17) ? null : reader.GetString(17)),
        };
        var count = new RecoveryCount(reader.IsDBNull(11) ? null : reader.GetGuid(11), reader.GetInt64(12));
        return new OpenTask(reader.GetGuid(0), scope, reader.GetGuid(10), count, reader.GetBoolean(13), reader.GetBoolean(14));
    }

    private static async Task<TimeSpan> NextAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(NextSql, connection, transaction);
        return await command.ExecuteScalarAsync(ct) is TimeSpan next && next < Poll ? next : Poll;
    }

    /// <summary>Whether the integration gets nothing now, or has so much to get that more would only fill the queue. What adds nothing to the queue need not wait.</summary>
    private static async Task<bool> MustWaitAsync(OpenTask task, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        if (task.Scope.Kind == TaskKind.BulkCancel) return false;
        if (!task.Enabled) return true;
        if (task.Scope.Filter is { } filter && !BulkStatements.Requeues(filter)) return false;
        var most = task.Scope.Integration == Guid.Empty ? MaxLiveOfAll : MaxLive;
        return await CountLiveAsync(task.Scope, most, connection, transaction, ct) > most - Rows;
    }

    private static async Task<long> CountLiveAsync(RecoveryScope scope, int most, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var setting in RecoveryStatements.PlanFor(scope.Kind)) batch.BatchCommands.Add(setting);
        batch.BatchCommands.Add(RecoveryStatements.CountLive(scope, most));
        return (long)(await batch.ExecuteScalarAsync(ct))!;
    }

    private static async Task<Stretch> HandleAsync(OpenTask task, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection, transaction);
        batch.BatchCommands.Add(RecoveryStatements.Handle(task.Scope, task.Position, Rows));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        return await RecoveryStatements.ReadAsync(reader, ct);
    }
}
