// The partitions of the counters: of minutes one a day, of hours one a month.

using Npgsql;

namespace Dispatcher.Storage;

internal static class StatisticsPartitions
{
    /// <summary>How many days minutes are kept. Hours are kept for the retention of the server.</summary>
    public const int MinutesKeptDays = 2;

    /// <summary>Makes them ahead of time, as far as <see cref="Partitions"/> does.</summary>
    public static async Task EnsureAsync(NpgsqlDataSource source, DateOnly today, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT dispatcher.ensure_stats_partitions($1, $2)");
        command.Parameters.AddWithValue(today.AddDays(-1));
        command.Parameters.AddWithValue(today.AddDays(Partitions.DaysAhead));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Drops what has expired, whole days of minutes and whole months of hours at a time, and forgets processes that are long gone.</summary>
    public static async Task DropExpiredAsync(NpgsqlDataSource source, TimeProvider time, int retentionDays, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await using var batch = source.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT dispatcher.drop_stats_partitions($1, $2)")
        {
            Parameters = { new() { Value = today.AddDays(-MinutesKeptDays) }, new() { Value = today.AddDays(-retentionDays) } },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("DELETE FROM dispatcher.stats_writer WHERE flushed_at < now() - interval '1 day'"));
        await batch.ExecuteNonQueryAsync(ct);
    }
}
