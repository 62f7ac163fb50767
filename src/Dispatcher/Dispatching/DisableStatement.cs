// Disables integrations on the server's own account: one statement for however many. Whoever asks second finds nothing to do, so
// that each is disabled, and told of, once.

using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>An integration that a statement has just disabled, and where it belongs.</summary>
internal sealed record DisabledIntegration(string Organization, Guid Id, string? Project, string? Inbox);

/// <summary>An integration that has failed, and when it last did.</summary>
internal sealed record FailedIntegration(string Organization, Guid Id, DateTimeOffset LastFailure);

internal static class DisableStatement
{
    /// <summary>The reason of an integration whose receiver answered 410.</summary>
    public const string GoneReason = "gone";

    /// <summary>The reason of an integration that has failed for too long.</summary>
    public const string FailingReason = "failing";

    // Locked in one order, so that nodes which disable the same ones wait for each other instead of deadlocking; and the
    // integration before its health, as whoever changes an integration does.
    private const string GoneSql =
        $"""
        {UpdateFrom} (
            SELECT i.organization_id, i.id
            FROM unnest($3, $4) AS d (organization_id, id)
            JOIN dispatcher.integration i ON i.organization_id = d.organization_id AND i.id = d.id
            WHERE i.enabled AND i.deleted_at IS NULL
            ORDER BY 1, 2 FOR NO KEY UPDATE OF i) d
        {Returning}
        """;

    private const string FailingSql =
        $"""
        {UpdateFrom} (
            SELECT i.organization_id, i.id
            FROM unnest($3, $4, $5) AS d (organization_id, id, last_failure)
            JOIN dispatcher.integration i ON i.organization_id = d.organization_id AND i.id = d.id
            JOIN dispatcher.integration_health h ON h.organization_id = d.organization_id AND h.integration_id = d.id
            WHERE i.enabled AND i.deleted_at IS NULL AND h.failing_since <= d.last_failure - $6
            ORDER BY 1, 2 FOR NO KEY UPDATE OF i FOR UPDATE OF h) d
        {Returning}
        """;

    private const string UpdateFrom = "UPDATE dispatcher.integration i SET enabled = false, disabled_reason = $1, updated_at = $2 FROM";
    private const string Returning = "WHERE i.organization_id = d.organization_id AND i.id = d.id RETURNING i.organization_id, i.id, i.project, i.inbox";

    /// <summary>Disables integrations whose receiver wants no more.</summary>
    public static async Task<List<DisabledIntegration>> GoneAsync(
        IReadOnlyList<Delivery> deliveries, DateTimeOffset now, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        var gone = deliveries.DistinctBy(d => d.IntegrationId).ToList();
        await using var command = new NpgsqlCommand(GoneSql, connection, transaction);
        command.Parameters.AddWithValue(GoneReason);
        command.Parameters.AddWithValue(now);
        command.Parameters.AddWithValue(gone.ConvertAll(d => d.Organization).ToArray());
        command.Parameters.AddWithValue(gone.ConvertAll(d => d.IntegrationId).ToArray());
        return await ReadAsync(command, ct);
    }

    /// <summary>Disables those integrations whose failures have gone on for the span given, without a success that any node has told of.</summary>
    public static async Task<List<DisabledIntegration>> FailingAsync(
        List<FailedIntegration> failed, TimeSpan span, DateTimeOffset now, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(FailingSql, connection, transaction);
        command.Parameters.AddWithValue(FailingReason);
        command.Parameters.AddWithValue(now);
        command.Parameters.AddWithValue(failed.ConvertAll(f => f.Organization).ToArray());
        command.Parameters.AddWithValue(failed.ConvertAll(f => f.Id).ToArray());
        command.Parameters.AddWithValue(failed.ConvertAll(f => f.LastFailure).ToArray());
        command.Parameters.AddWithValue(span);
        return await ReadAsync(command, ct);
    }

    private static async Task<List<DisabledIntegration>> ReadAsync(NpgsqlCommand command, CancellationToken ct)
    {
        var disabled = new List<DisabledIntegration>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            disabled.Add(new DisabledIntegration(
                reader.GetString(0), reader.GetGuid(1), reader.IsDBNull(2) ? null : reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetString(3)));
        }

        return disabled;
    }
}
