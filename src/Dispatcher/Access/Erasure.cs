// What a deleted organization leaves behind goes too: its events, deliveries, attempts, statistics and audit entries.

using Npgsql;

namespace Dispatcher.Access;

/// <summary>Erases in steps (migrations/0009), so that no lock is held for long. Little is gone when the call that deletes returns; much goes on in the background.</summary>
internal sealed partial class Erasure(NpgsqlDataSource source, TimeProvider time, ILogger<Erasure> logger)
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

    /// <summary>The same right after the deletion, which is done whatever comes of this: the background goes on with it.</summary>
    public async Task BeginAsync(string organization, CancellationToken ct)
    {
        try
        {
            await TryFinishAsync(organization, ct);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or OperationCanceledException)
        {
            LogLeft(organization, e.Message);
        }
    }

    /// <summary>Goes on with all that was begun, with each for as long as a caller would wait. What requests under way may still have stored is looked for during a minute.</summary>
    public async Task ContinueAsync(CancellationToken ct)
    {
        foreach (var organization in await PendingAsync(ct))
        {
            if (!await TryFinishAsync(organization, ct)) continue;
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Erasing what the organization {Organization} has left goes on in the background: {Reason}")]
    private partial void LogLeft(string organization, string reason);
}
