// The recording statements, for a whole batch of attempts. Finished deliveries leave the queue for the table "delivery", with their last
// attempt inline; failed attempts go to "attempt" and their rows are due again later, owned by nobody.

using System.Text;
using Dispatcher.Sending;
using Dispatcher.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Dispatching;

internal static class RecordStatement
{
    // A node that hangs before it commits would keep those who take over from recording what it has archived. For as long as it hangs in
    // the middle of the COPY, DeadNodes ends its connection.
    private const string BeginSql = "SELECT set_config('idle_in_transaction_session_timeout', '5s', true)";

    private const string FinishSql = "SELECT dispatcher.finish($1, $2, $3, $4)";

    private const string FindOrphansSql =
        """
        SELECT r.id FROM unnest($1, $2, $3, $4) AS r (organization_id, id, owner, attempts)
        WHERE NOT EXISTS (
            SELECT FROM dispatcher.queue q
            WHERE q.organization_id = r.organization_id AND q.id = r.id AND q.owner = r.owner AND q.attempts = r.attempts - 1)
        """;

    private const string ArchiveSql =
        """
        COPY dispatcher.delivery (organization_id, id, event_id, integration_id, retention, project, event_type, status, attempts, finished_at,
            last_started_at, last_latency_us, last_outcome, last_status_code, last_address, last_request_headers, last_signature,
            last_error, last_response_headers, last_response_body) FROM STDIN (FORMAT BINARY)
        """;

    private const short ArchiveColumns = 20;

    private const string Rows =
        """
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) AS r (
            organization_id, id, owner, attempts, retry_in, event_id,
            started_at, latency_us, outcome, status_code, address, request_headers, signature, error, response_headers, response_body)
        """;

    // As dispatcher.finish: only rows still owned by the node that made the attempt are touched, and the ids of the others come back.
    // RETURNING hands the batch's own columns on, so nothing is joined twice. An orphan may already stand under the attempt's number:
    // the attempt that the schedule follows is the one that is kept.
    private const string FailSql =
        $"""
        WITH r AS ({Rows}), failed AS (
            UPDATE dispatcher.queue q SET attempts = r.attempts, due_at = now() + r.retry_in, owner = NULL FROM r
            WHERE q.organization_id = r.organization_id AND q.id = r.id AND q.owner = r.owner AND q.attempts = r.attempts - 1
            RETURNING r.*, q.retention
        ), noted AS (
            INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
                request_headers, signature, error, response_headers, response_body, retention)
            SELECT f.organization_id, f.id, f.attempts, f.started_at, f.latency_us, f.outcome, f.status_code, f.address,
                f.request_headers, f.signature, f.error, f.response_headers, f.response_body, f.retention
            FROM failed f
            ON CONFLICT (organization_id, delivery_id, number, retention) DO UPDATE SET (started_at, latency_us, outcome, status_code, address,
                request_headers, signature, error, response_headers, response_body) = ROW (excluded.started_at, excluded.latency_us,
                excluded.outcome, excluded.status_code, excluded.address, excluded.request_headers, excluded.signature, excluded.error,
                excluded.response_headers, excluded.response_body)
        )
        SELECT r.id FROM r WHERE r.id NOT IN (SELECT f.id FROM failed f)
        """;

    // An attempt that happened is recorded even when its delivery has gone on without it (cancelled, or taken over), unless a first
    // try at recording it went through after all.
    private const string RecordOrphansSql =
        $"""
        INSERT INTO dispatcher.attempt (organization_id, delivery_id, number, started_at, latency_us, outcome, status_code, address,
            request_headers, signature, error, response_headers, response_body, retention)
        SELECT r.organization_id, r.id, r.attempts, r.started_at, r.latency_us, r.outcome, r.status_code, r.address,
            r.request_headers, r.signature, r.error, r.response_headers, r.response_body, e.retention
        FROM ({Rows}) r
        JOIN dispatcher.event e ON e.organization_id = r.organization_id AND e.id = r.event_id
        WHERE NOT EXISTS (
            SELECT FROM dispatcher.delivery d
            WHERE d.organization_id = r.organization_id AND d.id = r.id AND d.last_started_at IS NOT NULL AND d.attempts >= r.attempts)
        ON CONFLICT DO NOTHING
        """;

    /// <summary>To be called first in the transaction that records.</summary>
    public static async Task BeginAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(BeginSql, connection, transaction);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>
    /// Records a batch; returns the ids of orphans, whose rows were no longer this node's: where there are any, nothing of the batch may be
    /// committed. The archive comes first and the queue last, so that no row of the queue is locked while the database waits for us.
    /// </summary>
    /// <exception cref="PostgresException">A unique violation: a delivery is archived already, as cancelled deliveries are.</exception>
    public static async Task<HashSet<Guid>> RecordAsync(
        List<FinishedAttempt> batch, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        var orphans = new HashSet<Guid>();
        var failed = batch.FindAll(a => a.Status is null);
        var finished = failed.Count == 0 ? batch : batch.FindAll(a => a.Status is not null);
        if (finished.Count > 0)
        {
            await ArchiveAsync(finished, connection, ct);
            orphans.UnionWith(await FinishAsync(finished, connection, transaction, ct));
        }

        if (failed.Count > 0) await FailAsync(failed, orphans, connection, transaction, ct);
        return orphans;
    }

    /// <summary>The ids of those whose rows are not this node's any more.</summary>
    public static async Task<HashSet<Guid>> FindOrphansAsync(List<FinishedAttempt> batch, NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(FindOrphansSql, connection);
        BindRows(command.Parameters, batch);
        var orphans = new HashSet<Guid>();
        await ReadIdsAsync(command, orphans, ct);
        return orphans;
    }

    public static async Task RecordOrphansAsync(
        List<FinishedAttempt> orphans, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(RecordOrphansSql, connection, transaction);
        Bind(command.Parameters, orphans);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Gives rows back unsent: whoever claims next may have them at once.</summary>
    public static async Task GiveBackAsync(IReadOnlyList<Delivery> deliveries, NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            """
            UPDATE dispatcher.queue q SET owner = NULL FROM unnest($1, $2, $3) AS g (organization_id, id, owner)
            WHERE q.organization_id = g.organization_id AND q.id = g.id AND q.owner = g.owner
            """, connection);
        Add(command.Parameters, NpgsqlDbType.Text, deliveries, d => d.Organization);
        Add(command.Parameters, NpgsqlDbType.Uuid, deliveries, d => d.Id);
        Add(command.Parameters, NpgsqlDbType.Integer, deliveries, d => d.Owner.Id);
        await command.ExecuteNonQueryAsync(ct);
    }

    private static async Task<Guid[]> FinishAsync(
        List<FinishedAttempt> finished, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(FinishSql, connection, transaction);
        BindRows(command.Parameters, finished);
        return (Guid[])(await command.ExecuteScalarAsync(ct))!;
    }

    private static async Task ArchiveAsync(List<FinishedAttempt> finished, NpgsqlConnection connection, CancellationToken ct)
    {
        using var rows = new CopyRows();
        foreach (var attempt in finished) AddRow(rows, attempt);
        await rows.SendAsync(connection, ArchiveSql, ct);
    }

    private static void AddRow(CopyRows rows, FinishedAttempt attempt)
    {
        var (delivery, result) = (attempt.Delivery, attempt.Result);
        rows.Row(ArchiveColumns);
        rows.Add(delivery.Organization);
        rows.Add(delivery.Id);
        rows.Add(delivery.EventId);
        rows.Add(delivery.IntegrationId);
        rows.Add((short?)delivery.Retention);
        rows.Add(delivery.Project);
        rows.Add(delivery.EventType);
        rows.Add(attempt.Status);
        rows.Add((short?)attempt.Number);
        rows.Add(result.StartedAt + result.Latency);
        rows.Add(result.StartedAt);
        rows.Add(Microseconds(result.Latency));
        rows.Add(SendOutcomes.ToName(result.Outcome));
        rows.Add((short?)result.StatusCode);
        rows.Add(result.Address);
        rows.Add(attempt.Settings.RequestHeadersId);
        rows.Add(result.Signature);
        rows.Add(result.Error);
        rows.Add(result.ResponseHeaders);
        if (result.ResponseBody is { Length: > 0 } body) rows.Add(body);
        else rows.AddNull();
    }

    private static async Task FailAsync(
        List<FinishedAttempt> failed, HashSet<Guid> orphans, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(FailSql, connection, transaction);
        Bind(command.Parameters, failed);
        await ReadIdsAsync(command, orphans, ct);
    }

    private static async Task ReadIdsAsync(NpgsqlCommand command, HashSet<Guid> ids, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) ids.Add(reader.GetGuid(0));
    }

    /// <summary>What tells a row that is still this node's, and still stands before this attempt.</summary>
    private static void BindRows(NpgsqlParameterCollection parameters, List<FinishedAttempt> batch)
    {
        Add(parameters, NpgsqlDbType.Text, batch, a => a.Delivery.Organization);
        Add(parameters, NpgsqlDbType.Uuid, batch, a => a.Delivery.Id);
        Add(parameters, NpgsqlDbType.Integer, batch, a => a.Delivery.Owner.Id);
        Add(parameters, NpgsqlDbType.Smallint, batch, a => (short)a.Number);
    }

    private static void Bind(NpgsqlParameterCollection parameters, List<FinishedAttempt> batch)
    {
        BindRows(parameters, batch);
        Add(parameters, NpgsqlDbType.Interval, batch, a => a.RetryIn);
        Add(parameters, NpgsqlDbType.Uuid, batch, a => a.Delivery.EventId);
        Add(parameters, NpgsqlDbType.TimestampTz, batch, a => a.Result.StartedAt);
        Add(parameters, NpgsqlDbType.Integer, batch, a => Microseconds(a.Result.Latency));
        Add(parameters, NpgsqlDbType.Text, batch, a => SendOutcomes.ToName(a.Result.Outcome));
        Add(parameters, NpgsqlDbType.Smallint, batch, a => (short?)a.Result.StatusCode);
        Add(parameters, NpgsqlDbType.Text, batch, a => a.Result.Address);
        Add(parameters, NpgsqlDbType.Bigint, batch, a => a.Settings.RequestHeadersId);
        Add(parameters, NpgsqlDbType.Text, batch, a => a.Result.Signature);
        Add(parameters, NpgsqlDbType.Text, batch, a => Storable(a.Result.Error));
        Add(parameters, NpgsqlDbType.Text, batch, a => Storable(a.Result.ResponseHeaders));
        Add(parameters, NpgsqlDbType.Bytea, batch, a => a.Result.ResponseBody is { Length: > 0 } body ? body : null);
    }

    private static void Add<TItem, TValue>(NpgsqlParameterCollection parameters, NpgsqlDbType type, IReadOnlyList<TItem> items, Func<TItem, TValue> column)
    {
        var values = new TValue[items.Count];
        for (var i = 0; i < values.Length; i++) values[i] = column(items[i]);
        parameters.Add(new NpgsqlParameter<TValue[]> { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    private static int Microseconds(TimeSpan latency) => (int)Math.Min(int.MaxValue, latency.Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>PostgreSQL's text holds neither NUL nor half a surrogate pair, and what a receiver answers must not be able to stop the recorder.</summary>
    private static string? Storable(string? text)
    {
        if (text is null) return null;
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text.Replace('\0', '\uFFFD');
    }
}
