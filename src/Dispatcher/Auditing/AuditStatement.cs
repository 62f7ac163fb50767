// Stores entries of the audit trail in a transaction of hand-written statements. Where EF Core changes something, it stores the entry too.

using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Auditing;

internal static class AuditStatement
{
    private const string Sql =
        """
        INSERT INTO dispatcher.audit (organization_id, id, action, actor_kind, actor_id, actor_name, actor_role, target_kind, target_id, project,
            details, remote_address, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """;

    /// <summary>Stores entries; whether they stay is decided with the change that they tell of, by the end of the transaction.</summary>
    public static async Task InsertAsync(
        IEnumerable<AuditEntry> entries, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var entry in entries) batch.BatchCommands.Add(Insert(entry));
        if (batch.BatchCommands.Count > 0) await batch.ExecuteNonQueryAsync(ct);
    }

    private static NpgsqlBatchCommand Insert(AuditEntry entry)
    {
        var command = new NpgsqlBatchCommand(Sql);
        Add(entry.OrganizationId);
        Add(entry.Id, NpgsqlDbType.Uuid);
        Add(entry.Action);
        Add(entry.ActorKind);
        Add(entry.ActorId);
        Add(entry.ActorName);
        Add(entry.ActorRole);
        Add(entry.TargetKind);
        Add(entry.TargetId);
        Add(entry.Project);
        Add(entry.Details, NpgsqlDbType.Json);
        Add(entry.RemoteAddress, NpgsqlDbType.Inet);
        Add(entry.RequestId);
        return command;

        void Add(object? value, NpgsqlDbType type = NpgsqlDbType.Text) =>
            command.Parameters.Add(new NpgsqlParameter { Value = value ?? DBNull.Value, NpgsqlDbType = type });
    }
}
