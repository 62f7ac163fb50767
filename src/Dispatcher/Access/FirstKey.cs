// The operator key of the first start, where the configuration gives none.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Access;

internal sealed class FirstKey(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Makes an operator key if there is none; returns it, this once, or null.</summary>
    public async Task<string?> EnsureAsync(CancellationToken ct)
    {
        var key = KeyRing.NewKey();
        await using var command = source.CreateCommand(
            """
            INSERT INTO dispatcher.api_key (id, role, name, hash)
            SELECT $1, 'operator', 'First start', $2
            WHERE NOT EXISTS (SELECT FROM dispatcher.api_key WHERE role = 'operator' AND revoked_at IS NULL)
            """);
        command.Parameters.AddWithValue(Ids.NewUuid(time.GetUtcNow()));
        command.Parameters.AddWithValue(KeyRing.Hash(key));
        return await command.ExecuteNonQueryAsync(ct) == 1 ? key : null;
    }
}
