// What a lane needs to know of its integration, loaded per version.

using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Retries;
using Dispatcher.Secrets;
using Dispatcher.Sending;
using Dispatcher.Signing;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>One version of an integration, ready to send with.</summary>
/// <param name="Version">The integration's version.</param>
/// <param name="Target">Where and how to send.</param>
/// <param name="Retry">The schedule.</param>
/// <param name="MaxConcurrency">POSTs at once on this node: the integration's own limit, else the server's.</param>
/// <param name="RequestHeadersId">The stored request headers that attempts refer to.</param>
/// <param name="Ordered">Whether rows of the same key wait for each other.</param>
/// <param name="RefreshAt">When a secret's grace ends, if one's does.</param>
/// <param name="ConcurrencyLimit">POSTs at once on all nodes together; null where the integration has no limit of its own.</param>
/// <param name="RateLimit">POSTs per second on all nodes together; null where there is no limit.</param>
internal sealed record LaneSettings(
    int Version, SendTarget Target, RetryPolicy Retry, int MaxConcurrency, long RequestHeadersId, bool Ordered, DateTimeOffset? RefreshAt,
    int? ConcurrencyLimit = null, int? RateLimit = null)
{
    /// <summary>Whether POSTs need a permit or a token of the nodes' common limits.</summary>
    public bool IsLimited => ConcurrencyLimit is not null || RateLimit is not null;
}

/// <summary>Loads settings.</summary>
internal sealed class LaneSettingsLoader(NpgsqlDataSource source, SecretBox box, DispatcherOptions options, TimeProvider time)
{
    private const string Sql =
        """
        SELECT i.version, i.target, i.headers::text, i.basic_username, i.basic_password, i.timeout_seconds, i.retry_base_seconds,
               i.retry_max_attempts, i.max_concurrency, s.secrets, s.next_expiry, i.ordering = 'by_key', i.rate_limit_per_second, s.ids
        FROM dispatcher.integration i
        CROSS JOIN LATERAL (
            SELECT array_agg(s.secret ORDER BY s.expires_at DESC NULLS FIRST, s.id DESC) AS secrets,
                   array_agg(s.id ORDER BY s.expires_at DESC NULLS FIRST, s.id DESC) AS ids, min(s.expires_at) AS next_expiry
            FROM dispatcher.integration_secret s
            WHERE s.organization_id = i.organization_id AND s.integration_id = i.id AND (s.expires_at IS NULL OR s.expires_at > $3)) s
        WHERE i.organization_id = $1 AND i.id = $2 AND i.enabled AND i.deleted_at IS NULL
        """;

    /// <summary>The integration as it is committed now; null when it is disabled or deleted.</summary>
    /// <exception cref="SealedSecretException">A secret of it cannot be opened: as long as a rotation of the key has not reached this node.</exception>
    public async Task<LaneSettings?> LoadAsync(string organization, Guid integration, CancellationToken ct)
    {
        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(integration);
        command.Parameters.AddWithValue(time.GetUtcNow());
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;

        var headers = OpenHeaders(reader, organization, integration);
        var target = new SendTarget(
            new Uri(reader.GetString(1)),
            headers,
            OpenKeys(reader, organization),
            TimeSpan.FromSeconds(reader.IsDBNull(5) ? options.Delivery.TimeoutSeconds : reader.GetDouble(5)),
            options.Signing.SvixHeaders);
        var retry = new RetryPolicy(
            reader.IsDBNull(6) ? options.Retry.BaseSeconds : reader.GetDouble(6),
            reader.IsDBNull(7) ? options.Retry.MaxAttempts : reader.GetInt32(7),
            options.Retry.JitterRatio);
        var settings = new LaneSettings(
            reader.GetInt32(0), target, retry,
            reader.IsDBNull(8) ? options.Delivery.MaxConcurrency : reader.GetInt32(8),
            0,
            reader.GetBoolean(11),
            reader.IsDBNull(10) ? null : reader.GetFieldValue<DateTimeOffset>(10),
            reader.IsDBNull(8) ? null : reader.GetInt32(8),
            reader.IsDBNull(12) ? null : reader.GetInt32(12));
        await reader.CloseAsync();
        return settings with { RequestHeadersId = await StoreRequestHeadersAsync(headers, ct) };
    }

    private List<KeyValuePair<string, string>> OpenHeaders(NpgsqlDataReader reader, string organization, Guid integration)
    {
        // What earlier versions took and is refused now is sent as receivers got it then, or left out: it must not keep deliveries from going.
        List<KeyValuePair<string, string>> headers = [.. JsonSerializer.Deserialize(reader.GetString(2), WireJson.Default.DictionaryStringString)!
            .Select(h => KeyValuePair.Create(h.Key, box.Open(h.Value, SecretPlace.Header(organization, integration, h.Key)).Trim(' ', '\t')))
            .Where(h => StaticHeaders.TryCheck(h.Key, h.Value, out _))];
        if (!reader.IsDBNull(3))
        {
            var password = box.Open(reader.GetString(4), SecretPlace.BasicPassword(organization, integration));
            var pair = Encoding.UTF8.GetBytes($"{reader.GetString(3)}:{password}");
            headers.Add(new("Authorization", "Basic " + Convert.ToBase64String(pair)));
        }

        return headers;
    }

    private ImmutableArray<SigningKey> OpenKeys(NpgsqlDataReader reader, string organization)
    {
        if (reader.IsDBNull(9)) throw new SealedSecretException("It has no signing secret. Rotate it to give it one.");
        var (stored, ids) = (reader.GetFieldValue<string[]>(9), reader.GetFieldValue<Guid[]>(13));
        var keys = ImmutableArray.CreateBuilder<SigningKey>(stored.Length);
        foreach (var (text, id) in stored.Zip(ids))
        {
            if (!SigningKey.TryParse(box.Open(text, SecretPlace.SigningSecret(organization, id)), out var key, out var error))
                throw new SealedSecretException($"A signing secret of it cannot be used: {error}");
            keys.Add(key);
        }

        return keys.MoveToImmutable();
    }

    /// <summary>Stores the headers that are the same on every attempt, values masked, under a number made from them.</summary>
    private async Task<long> StoreRequestHeadersAsync(List<KeyValuePair<string, string>> headers, CancellationToken ct)
    {
        var fixedPart = RecordedRequest.FixedHeaders(headers, options.Signing.SvixHeaders);
        var json = JsonSerializer.SerializeToUtf8Bytes(fixedPart, WireJson.Default.DictionaryStringString);
        var id = BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(json));
        await using var command = source.CreateCommand("INSERT INTO dispatcher.request_headers (id, headers) VALUES ($1, $2::jsonb) ON CONFLICT DO NOTHING");
        command.Parameters.AddWithValue(id);
        command.Parameters.AddWithValue(Encoding.UTF8.GetString(json));
        await command.ExecuteNonQueryAsync(ct);
        return id;
    }
}
