// Removes nodes that are gone, and frees what they owned.

using System.Diagnostics;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>Whose the database is.</summary>
/// <param name="IsOurs">This process has started it, on this machine, and nobody could before: it is the embedded one.</param>
internal sealed record DatabaseOrigin(bool IsOurs);

internal sealed partial class DeadNodes(NpgsqlDataSource source, Wakeup wakeup, ILogger logger)
{
    /// <summary>Removes a node of our own. Waits for what it still has under way: that must be freed with the rest.</summary>
    public Task RemoveAsync(int node, CancellationToken ct) =>
        FreeAsync("DELETE FROM dispatcher.node WHERE id = $1 RETURNING id", node, ct);

    /// <summary>
    /// Removes nodes that have been silent for so long. A node's row is locked for as long as a statement that takes rows for it has
    /// not committed: such a one is passed by, and looked at again with the next beat.
    /// </summary>
    public async Task FreeSilentAsync(TimeSpan silence, CancellationToken ct)
    {
        await FreeAsync(
            """
            DELETE FROM dispatcher.node WHERE id IN (
                SELECT id FROM dispatcher.node WHERE heartbeat_at < now() - make_interval(secs => $1) FOR UPDATE SKIP LOCKED)
            RETURNING id
            """, silence.TotalSeconds, ct);
        await EndStuckAsync(silence, ct);
    }

    /// <summary>
    /// Removes nodes whose process has ended, without waiting for their silence. Only where the database is ours: all its clients
    /// are on this machine, and whatever those that were killed with its last run had under way ended with that run.
    /// </summary>
    public async Task FreeEndedAsync(int? self, CancellationToken ct)
    {
        var ended = new List<int>();
        await using (var command = source.CreateCommand("SELECT id, name FROM dispatcher.node WHERE id IS DISTINCT FROM $1"))
        {
            command.Parameters.Add(new NpgsqlParameter { Value = self is { } id ? id : DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Integer });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                if (HasEnded(reader.GetString(1))) ended.Add(reader.GetInt32(0));
            }
        }

        if (ended.Count > 0) await FreeAsync("DELETE FROM dispatcher.node WHERE id = ANY ($1) RETURNING id", ended.ToArray(), ct);
    }

    /// <summary>Whether a node's name is that of a process of this machine that runs no more. A number that another process has by now counts as running.</summary>
    private static bool HasEnded(string name)
    {
        if (name.Split('/') is not [var machine, var number] || machine != Environment.MachineName || !int.TryParse(number, out var pid)) return false;
        // In a container every run may have the same number: then the earlier one has ended, because we have it.
        if (pid == Environment.ProcessId) return true;
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    /// <summary>
    /// Ends connections whose client has frozen in the middle of a statement that locks what others need: one that was being answered
    /// (accept holds its node's row, so that nobody could take anything over), and one that was sending what it records (its keys would
    /// hold up the record of whoever sends it again). A healthy client is never that long about either.
    /// </summary>
    private async Task EndStuckAsync(TimeSpan silence, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
            WHERE a.datname = current_database() AND a.usename = current_user AND a.application_name = current_setting('application_name')
              AND a.state = 'active' AND a.wait_event IN ('ClientWrite', 'ClientRead')
              AND a.query_start < now() - make_interval(secs => $1)
            """);
        command.Parameters.AddWithValue(silence.TotalSeconds);
        if ((long)(await command.ExecuteScalarAsync(ct))! is > 0 and var stuck) LogStuck(stuck);
    }

    /// <summary>
    /// Deletes nodes and frees what they owned, in one transaction: there is no moment in which rows belong to nobody that exists. Two
    /// statements, because a statement does not see what was committed after it began, and the first may have waited for a commit.
    /// </summary>
    private async Task FreeAsync(string delete, object parameter, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var dead = new List<int>();
        await using (var command = new NpgsqlCommand(delete, connection, transaction))
        {
            command.Parameters.AddWithValue(parameter);
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct)) dead.Add(reader.GetInt32(0));
        }

        if (dead.Count == 0) return;
        await using var free = new NpgsqlCommand("UPDATE dispatcher.queue SET owner = NULL WHERE owner = ANY ($1)", connection, transaction);
        free.CommandTimeout = 60;
        free.Parameters.AddWithValue(dead.ToArray());
        var freed = await free.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
        if (freed == 0) return;
        LogFreed(freed);
        wakeup.TellAll();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Freed {Count} deliveries of nodes that are gone")]
    private partial void LogFreed(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Ended {Count} connections of nodes that went silent while they were being answered")]
    private partial void LogStuck(long count);
}
