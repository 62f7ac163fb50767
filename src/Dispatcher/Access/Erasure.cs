// What a deleted organization leaves behind goes too: its events, deliveries, attempts, statistics and audit entries.

using Npgsql;

namespace Dispatcher.Access;

/// <summary>Erases in steps (migrations/0009), so that no lock is held for long. Little is gone when the call that deletes returns; much goes on in the background.</summary>
internal sealed class Erasure(NpgsqlDataSource source, TimeProvider time)
{
    private const int Step = 5000;

    /// <summary>How long a caller waits for it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Erases what can be erased while a caller waits; says whether nothing is left.</summary>
    public async Task<bool> TryFinishAsync(string organization, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (await StepAsync(organization, ct) > 0)
        {
            if (time.GetElapsedTime(began) >= Patience) return false;
        }

        return true;
    }

    /// <summary>Goes on with all that was begun. What requests under way may still have stored is looked for during a minute.</summary>
    public async Task ContinueAsync(CancellationToken ct)
    {
        foreach (var organization in await PendingAsync(ct))
        {
            while (await StepAsync(organization, ct) > 0)
            {
            }

            await using var end = source.CreateCommand(
                "DELETE FROM dispatcher.erasure WHERE organization_id = $1 AND asked_at < now() - interval '1 minute'");
            end.Parameters.AddWithValue(organization);
            await end.ExecuteNonQueryAsync(ct);
        }
    }

    private async Task<List<string>> PendingAsync(CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT organization_id FROM dispatcher.erasure");
        await using var reader = await command.ExecuteReaderAsync(ct);
        var pending = new List<string>();
        while (await reader.ReadAsync(ct)) pending.Add(reader.GetString(0));
        return pending;
    }

    private async Task<int> StepAsync(string organization, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT dispatcher.erase($1, $2)");
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(Step);
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }
}
