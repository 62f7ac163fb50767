// The partitions of the audit trail: one a month.

using Npgsql;

namespace Dispatcher.Storage;

internal static class AuditPartitions
{
    /// <summary>Makes them ahead of time, as far as <see cref="Partitions"/> does.</summary>
    public static async Task EnsureAsync(NpgsqlDataSource source, DateOnly today, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT dispatcher.ensure_audit_partitions($1, $2)");
        command.Parameters.AddWithValue(today.AddDays(-1));
        command.Parameters.AddWithValue(today.AddDays(Partitions.DaysAhead));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Drops whole months that are older than the retention. Returns how many went.</summary>
    public static async Task<int> DropExpiredAsync(NpgsqlDataSource source, TimeProvider time, int retentionDays, CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        await using var command = source.CreateCommand("SELECT dispatcher.drop_audit_partitions($1)");
        command.Parameters.AddWithValue(today.AddDays(-retentionDays));
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }
}
