// The operator key of the first start, where the configuration gives none.

using Dispatcher.Auditing;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Access;

internal sealed class FirstKey(NpgsqlDataSource source, TimeProvider time)
{
    /// <summary>Makes an operator key if there is none; returns it, this once, or null.</summary>
    public async Task<string?> EnsureAsync(CancellationToken ct)
    {
        var key = KeyRing.NewKey();
        var id = Ids.NewUuid(time.GetUtcNow());
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        // Of nodes that start together one makes it.
        await using (var one = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('dispatcher.first_key', 0))", connection, transaction))
            await one.ExecuteNonQueryAsync(ct);
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO dispatcher.api_key (id, role, name, hash)
            SELECT $1, 'operator', 'First start', $2
            WHERE NOT EXISTS (SELECT FROM dispatcher.api_key WHERE role = 'operator' AND revoked_at IS NULL)
            """,
            connection,
            transaction);
        command.Parameters.AddWithValue(id);
        command.Parameters.AddWithValue(KeyRing.Hash(key));
        if (await command.ExecuteNonQueryAsync(ct) == 0) return null;
        var entry = AuditContext.OfServer(null, time, "First start")
            .Entry(AuditAction.ApiKeyCreated, AuditTarget.ApiKey(id), details: new() { ["role"] = "operator", ["name"] = "First start" });
        await AuditStatement.InsertAsync([entry], connection, transaction, ct);
        await transaction.CommitAsync(ct);
        return key;
    }
}
