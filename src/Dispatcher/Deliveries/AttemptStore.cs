// Reads the attempts of a delivery: those in "attempt", and the last one of a finished delivery, which is inline.

using System.Text;
using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

internal sealed class AttemptStore(NpgsqlDataSource source)
{
    // After a takeover two nodes may have made the attempt of one number: the inline one is the one that ended the delivery.
    private const string Sql =
        """
        SELECT a.number, a.outcome, a.started_at, a.latency_us, a.address, h.headers::text, a.signature, a.status_code,
               a.response_headers, a.response_body, a.error
        FROM (
            SELECT number, outcome, started_at, latency_us, address, request_headers, signature, status_code, response_headers, response_body, error
            FROM dispatcher.attempt a WHERE organization_id = $1 AND delivery_id = $2 AND NOT EXISTS (
                SELECT FROM dispatcher.delivery d
                WHERE d.organization_id = $1 AND d.id = $2 AND d.attempts = a.number AND d.last_started_at IS NOT NULL)
            UNION ALL
            SELECT attempts, last_outcome, last_started_at, last_latency_us, last_address, last_request_headers, last_signature, last_status_code,
                   last_response_headers, last_response_body, last_error
            FROM dispatcher.delivery WHERE organization_id = $1 AND id = $2 AND last_started_at IS NOT NULL) a
        LEFT JOIN dispatcher.request_headers h ON h.id = a.request_headers
        ORDER BY a.number
        """;

    public async Task<List<AttemptView>> OfDeliveryAsync(string organization, Guid delivery, string messageId, string eventType, CancellationToken ct)
    {
        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(delivery);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<AttemptView>();
        while (await reader.ReadAsync(ct))
        {
            var number = reader.GetInt16(0);
            var startedAt = reader.GetFieldValue<DateTimeOffset>(2);
            var latency = TimeSpan.FromMicroseconds(reader.GetInt32(3));
            var body = reader.IsDBNull(9) ? null : reader.GetFieldValue<byte[]>(9);
            var fixedHeaders = TextAt(5) is { } json ? JsonSerializer.Deserialize(json, WireJson.Default.DictionaryStringString)! : [];
            rows.Add(new AttemptView(
                number,
                reader.GetString(1),
                startedAt,
                startedAt + latency,
                latency.TotalMilliseconds,
                TextAt(4),
                RecordedRequest.Assemble(fixedHeaders, messageId, startedAt, TextAt(6), eventType, number),
                reader.IsDBNull(7) ? null : reader.GetInt16(7),
                TextAt(8) is { } lines ? ParseHeaders(lines) : null,
                // Receivers may answer in anything; what is not UTF-8 is shown with replacement characters.
                body is null ? null : Encoding.UTF8.GetString(body),
                TextAt(10))
            { ResponseBytes = body });
        }

        return rows;

        string? TextAt(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
    }

    /// <summary>Lines "name: value"; a name that comes more than once has its values joined by ", " (RFC 9110, 5.2).</summary>
    private static Dictionary<string, string> ParseHeaders(string lines)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) continue;
            var (name, value) = (line[..colon].ToLowerInvariant(), line[(colon + 1)..].Trim());
            headers[name] = headers.TryGetValue(name, out var before) ? $"{before}, {value}" : value;
        }

        return headers;
    }
}
