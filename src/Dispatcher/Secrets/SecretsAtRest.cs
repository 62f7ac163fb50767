// What a start owes to the secrets in the database: that all can be opened, and that all are sealed with the first key.

using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Npgsql;

namespace Dispatcher.Secrets;

/// <summary>
/// Seals what an earlier version stored in the clear, and what is sealed with a key other than the first: the upgrade and the rotation
/// of the key are the same. Several nodes may start at once, also with other keys first, and others may be at work meanwhile.
/// </summary>
internal sealed partial class SecretsAtRest(NpgsqlDataSource source, EncryptionKeys keys, SecretBox box, ILogger<SecretsAtRest> logger)
{
    /// <summary>Rows of one transaction: their locks are held for some milliseconds.</summary>
    private const int BatchRows = 500;

    /// <summary>How <c>dispatcher.key_of</c> calls what is in the clear.</summary>
    private const string Clear = "";

    /// <summary>Brings all secrets under the first key.</summary>
    /// <exception cref="DatabaseSetupException">Some are sealed with a key that is not given; nothing was changed.</exception>
    public async Task EnsureAsync(CancellationToken ct)
    {
        var stored = await StoredAsync(ct);
        var missing = stored.Where(s => s.Key != Clear && keys.Find(s.Key) is null).ToList();
        if (missing.Count > 0)
        {
            throw new DatabaseSetupException(
                string.Concat(missing.Select(m => $"{m.Count} stored secrets are encrypted with the key {m.Key}, which this server was not given. ")) +
                keys.HowToGive());
        }

        string[] outdated = [.. stored.Select(s => s.Key).Where(key => key != keys.First.Id)];
        if (outdated.Length == 0) return;
        var secrets = await PassAsync(outdated, SealSecretsAsync, ct);
        var integrations = await PassAsync(outdated, SealIntegrationsAsync, ct);
        LogSealed(secrets, integrations, keys.First.Id);
    }

    /// <summary>The ids of the keys in use, and how many values each has sealed. Reads the two tables once.</summary>
    private async Task<List<(string Key, long Count)>> StoredAsync(CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            SELECT dispatcher.key_of(v.stored), count(*)
            FROM (SELECT secret FROM dispatcher.integration_secret
                  UNION ALL SELECT basic_password FROM dispatcher.integration WHERE basic_password IS NOT NULL
                  UNION ALL SELECT h.value FROM dispatcher.integration i CROSS JOIN LATERAL jsonb_each_text(i.headers) h) v (stored)
            GROUP BY 1 ORDER BY 1
            """);
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync(ct);
        var stored = new List<(string, long)>();
        while (await reader.ReadAsync(ct)) stored.Add((reader.GetString(0), reader.GetInt64(1)));
        return stored;
    }

    /// <summary>Goes once through a table, batch by batch. One node at a time: a second one finds what is left.</summary>
    private async Task<int> PassAsync(
        string[] outdated, Func<NpgsqlConnection, Position, string[], CancellationToken, Task<(int Read, int Sealed, Position Last)>> batch, CancellationToken ct)
    {
        var (at, sum) = (new Position("", Guid.Empty), 0);
        while (true)
        {
            await using var connection = await source.OpenConnectionAsync(ct);
            await using var transaction = await connection.BeginTransactionAsync(ct);
            await using (var wait = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended('dispatcher.secrets', 0))", connection))
            {
                wait.CommandTimeout = 0;
                await wait.ExecuteNonQueryAsync(ct);
            }

            var (read, done, last) = await batch(connection, at, outdated, ct);
            await transaction.CommitAsync(ct);
            (at, sum) = (last, sum + done);
            // The limit counts rows that were locked as they match now, so a short batch is the last.
            if (read < BatchRows) return sum;
        }
    }

    private async Task<(int Read, int Sealed, Position Last)> SealSecretsAsync(
        NpgsqlConnection connection, Position after, string[] outdated, CancellationToken ct)
    {
        await using var select = Select(
            """
            SELECT organization_id, id, integration_id, secret FROM dispatcher.integration_secret
            WHERE (organization_id, id) > ($1, $2) AND dispatcher.key_of(secret) = ANY($3)
            ORDER BY organization_id, id LIMIT $4 FOR NO KEY UPDATE
            """, connection, after, outdated);
        var (last, read) = (after, 0);
        List<(Position Row, string Secret)> fresh = [];
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            for (; await reader.ReadAsync(ct); read++)
            {
                last = new Position(reader.GetString(0), reader.GetGuid(1));
                if (SealAnew(reader.GetString(3), SecretPlace.SigningSecret(last.Organization, last.Id), "secret", reader.GetGuid(2)) is { } text)
                    fresh.Add((last, text));
            }
        }

        await using var update = new NpgsqlCommand(
            """
            UPDATE dispatcher.integration_secret s SET secret = n.secret
            FROM unnest($1::text[], $2::uuid[], $3::text[]) n (organization_id, id, secret)
            WHERE s.organization_id = n.organization_id AND s.id = n.id
            """, connection);
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Row.Organization));
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Row.Id));
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Secret));
        await update.ExecuteNonQueryAsync(ct);
        return (read, fresh.Count, last);
    }

    private async Task<(int Read, int Sealed, Position Last)> SealIntegrationsAsync(
        NpgsqlConnection connection, Position after, string[] outdated, CancellationToken ct)
    {
        await using var select = Select(
            """
            SELECT organization_id, id, headers::text, basic_password FROM dispatcher.integration
            WHERE (organization_id, id) > ($1, $2)
              AND (dispatcher.key_of(basic_password) = ANY($3)
                   OR EXISTS (SELECT FROM jsonb_each_text(headers) h WHERE dispatcher.key_of(h.value) = ANY($3)))
            ORDER BY organization_id, id LIMIT $4 FOR NO KEY UPDATE
            """, connection, after, outdated);
        var (last, read) = (after, 0);
        List<(Position Row, string Headers, string? Password)> fresh = [];
        await using (var reader = await select.ExecuteReaderAsync(ct))
        {
            for (; await reader.ReadAsync(ct); read++)
            {
                last = new Position(reader.GetString(0), reader.GetGuid(1));
                var (organization, id) = last;
                var headers = JsonSerializer.Deserialize(reader.GetString(2), WireJson.Default.DictionaryStringString)!.ToDictionary(
                    h => h.Key, h => SealAnew(h.Value, SecretPlace.Header(organization, id, h.Key), $"header {h.Key}", id) ?? h.Value);
                var password = reader.IsDBNull(3) ? null : reader.GetString(3);
                if (password is not null) password = SealAnew(password, SecretPlace.BasicPassword(organization, id), "basic_auth", id) ?? password;
                fresh.Add((last, JsonSerializer.Serialize(headers, WireJson.Default.DictionaryStringString), password));
            }
        }

        // Its trigger gives each row a new version: lanes load it again.
        await using var update = new NpgsqlCommand(
            """
            UPDATE dispatcher.integration i SET headers = n.headers::jsonb, basic_password = n.basic_password
            FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) n (organization_id, id, headers, basic_password)
            WHERE i.organization_id = n.organization_id AND i.id = n.id
            """, connection);
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Row.Organization));
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Row.Id));
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Headers));
        update.Parameters.AddWithValue(fresh.ConvertAll(f => f.Password));
        await update.ExecuteNonQueryAsync(ct);
        return (read, fresh.Count, last);
    }

    private static NpgsqlCommand Select(string sql, NpgsqlConnection connection, Position after, string[] outdated)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.AddWithValue(after.Organization);
        command.Parameters.AddWithValue(after.Id);
        command.Parameters.AddWithValue(outdated);
        command.Parameters.AddWithValue(BatchRows);
        return command;
    }

    /// <summary>
    /// What is stored, sealed with the first key; null where it cannot be opened. One row that somebody has tampered with must not keep
    /// all others from being delivered: it stays as it is, and its deliveries fail by name.
    /// </summary>
    private string? SealAnew(string stored, SecretPlace place, string what, Guid integration)
    {
        try
        {
            return box.Seal(box.Open(stored, place), place);
        }
        catch (SealedSecretException e)
        {
            LogUnopened(what, Ids.Format(Ids.Integration, integration), e.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Encrypted {Secrets} signing secrets and the headers and passwords of {Integrations} integrations with the key {Key}")]
    private partial void LogSealed(int secrets, int integrations, string key);

    [LoggerMessage(Level = LogLevel.Error, Message = "The {What} of {Integration} cannot be read and stays as it is: {Reason}")]
    private partial void LogUnopened(string what, string integration, string reason);

    private readonly record struct Position(string Organization, Guid Id);
}
