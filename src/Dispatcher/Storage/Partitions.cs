// The partitions of events, deliveries and attempts, by day and retention class: made ahead of time, dropped when they have expired.

using Npgsql;

namespace Dispatcher.Storage;

internal static class Partitions
{
    /// <summary>How many days ahead partitions exist: a server may lose its maintenance for so long without refusing an event.</summary>
    public const int DaysAhead = 7;

    public static async Task EnsureAsync(NpgsqlDataSource source, TimeProvider time, CancellationToken ct)
    {
        // Yesterday's too: the clock of another node may be behind.
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await using var command = source.CreateCommand("SELECT dispatcher.ensure_partitions($1, $2)");
        command.Parameters.AddWithValue(today.AddDays(-1));
        command.Parameters.AddWithValue(today.AddDays(DaysAhead));
        await command.ExecuteNonQueryAsync(ct);
        await StatisticsPartitions.EnsureAsync(source, today, ct);
        await AuditPartitions.EnsureAsync(source, today, ct);
    }

    /// <summary>Drops what is older than its retention, whole days at a time. Returns how many partitions went.</summary>
    /// <param name="source">The database.</param>
    /// <param name="time">What day it is.</param>
    /// <param name="defaultDays">The retention of organizations that have none of their own.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<int> DropExpiredAsync(NpgsqlDataSource source, TimeProvider time, int defaultDays, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        for (var dropped = 0; ; dropped++)
        {
            await using var command = source.CreateCommand("SELECT dispatcher.drop_partitions($1, $2)");
            command.Parameters.AddWithValue(today);
            command.Parameters.AddWithValue(defaultDays);
            if ((int)(await command.ExecuteScalarAsync(ct))! == 0) return dropped;
        }
    }
}
