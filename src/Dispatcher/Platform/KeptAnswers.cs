// The answers that are kept under an Idempotency-Key, and the locks of requests under way: the table "idempotency".

using Npgsql;

namespace Dispatcher.Platform;

/// <summary>What is known of a key: a request under way, or its answer.</summary>
/// <param name="Fingerprint">Of the request.</param>
/// <param name="Status">The answer's status; null: the request is under way.</param>
/// <param name="Location">The answer's <c>Location</c>, if it has one.</param>
/// <param name="ContentType">The answer's media type, if it has a body.</param>
/// <param name="SealedBody">The answer's body, encrypted: it may show a secret that is stored nowhere else in the clear.</param>
internal sealed record KeptAnswer(byte[] Fingerprint, short? Status, string? Location, string? ContentType, byte[]? SealedBody);

/// <summary>The right to run a request: its key, and when it was taken. One that was taken over writes nothing any more.</summary>
internal sealed record Turn(byte[] KeyHash, DateTimeOffset TakenAt);

internal sealed class KeptAnswers(NpgsqlDataSource source)
{
    /// <summary>How long a request may run before a duplicate takes it for dead and runs in its place.</summary>
    private static readonly TimeSpan Lock = TimeSpan.FromSeconds(60);

    /// <summary>Takes the turn where nobody has it and no answer of the last 24 hours is there; else null.</summary>
    public async Task<Turn?> TryBeginAsync(string organization, byte[] keyHash, byte[] fingerprint, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            INSERT INTO dispatcher.idempotency AS i (key_hash, fingerprint, locked_until, organization_id) VALUES ($1, $2, now() + $3, $4)
            ON CONFLICT (key_hash) DO UPDATE
                SET fingerprint = excluded.fingerprint, status = NULL, body = NULL, created_at = now(), locked_until = excluded.locked_until
                WHERE i.created_at < now() - interval '24 hours' OR (i.status IS NULL AND i.locked_until < now())
            RETURNING created_at
            """);
        command.Parameters.AddWithValue(keyHash);
        command.Parameters.AddWithValue(fingerprint);
        command.Parameters.AddWithValue(Lock);
        command.Parameters.AddWithValue(organization);
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new Turn(keyHash, await reader.GetFieldValueAsync<DateTimeOffset>(0, ct)) : null;
    }

    public async Task<KeptAnswer?> FindAsync(byte[] keyHash, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            "SELECT fingerprint, status, location, content_type, body FROM dispatcher.idempotency WHERE key_hash = $1");
        command.Parameters.AddWithValue(keyHash);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        return new KeptAnswer(
            reader.GetFieldValue<byte[]>(0),
            reader.IsDBNull(1) ? null : reader.GetInt16(1),
            reader.IsDBNull(2) ? null : reader.GetString(2),
            reader.IsDBNull(3) ? null : reader.GetString(3),
            reader.IsDBNull(4) ? null : reader.GetFieldValue<byte[]>(4));
    }

    public async Task KeepAsync(Turn turn, HttpResponse response, byte[] sealedBody)
    {
        await using var command = source.CreateCommand(
            """
            UPDATE dispatcher.idempotency SET status = $3, location = $4, content_type = $5, body = $6
            WHERE key_hash = $1 AND created_at = $2 AND status IS NULL
            """);
        command.Parameters.AddWithValue(turn.KeyHash);
        command.Parameters.AddWithValue(turn.TakenAt);
        command.Parameters.AddWithValue((short)response.StatusCode);
        command.Parameters.AddWithValue((object?)(string?)response.Headers.Location ?? DBNull.Value);
        command.Parameters.AddWithValue((object?)response.ContentType ?? DBNull.Value);
        command.Parameters.AddWithValue(sealedBody);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    /// <summary>Gives the turn back: the next with the key runs.</summary>
    public async Task ForgetAsync(Turn turn)
    {
        await using var command = source.CreateCommand("DELETE FROM dispatcher.idempotency WHERE key_hash = $1 AND created_at = $2 AND status IS NULL");
        command.Parameters.AddWithValue(turn.KeyHash);
        command.Parameters.AddWithValue(turn.TakenAt);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
