// Idempotency-Key on every POST: the same key with the same request gives the first answer again, without its effect.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Access;
using Dispatcher.Secrets;
using Microsoft.AspNetCore.Http.Features;
using Npgsql;

namespace Dispatcher.Platform;

/// <summary>
/// Keeps answers for 24 hours, per key of the caller. Concurrent duplicates wait for the first and get its answer. An answer is
/// stored encrypted with a key that only the caller's credentials and Idempotency-Key give, because it may show a secret.
/// </summary>
internal sealed class IdempotencyMiddleware(RequestDelegate next, NpgsqlDataSource source, TimeProvider time)
{
    public const string Header = "Idempotency-Key";
    private const int MaxKeyLength = 255;

    /// <summary>How long a request may run before a duplicate takes it for dead and runs in its place.</summary>
    private static readonly TimeSpan Lock = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    public Task InvokeAsync(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method) || !context.Request.Headers.TryGetValue(Header, out var keys)) return next(context);
        if (context.Features.Get<Caller>() is not { } caller) return next(context);
        string? key = keys;
        if (key is null or { Length: 0 or > MaxKeyLength }) throw Problem.Invalid(Header, $"must have 1 to {MaxKeyLength} characters.").AsException();
        return HandleAsync(context, caller, key);
    }

    private async Task HandleAsync(HttpContext context, Caller caller, string key)
    {
        using var body = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        var tenant = context.Features.GetRequiredFeature<Tenant>();
        var scope = $"{caller.KeyId?.ToString("N") ?? "operator"}\n{tenant.Organization}\n{key}";
        var keyHash = SHA256.HashData(Encoding.UTF8.GetBytes(scope));
        var fingerprint = FingerprintOf(context.Request, scope, body.Span);
        var secret = SHA256.HashData(Encoding.UTF8.GetBytes($"{context.Request.Headers.Authorization}\n{context.Request.Headers["x-api-key"]}\n{scope}"));

        while (!await TryBeginAsync(keyHash, fingerprint, context.RequestAborted))
        {
            if (await FindAsync(keyHash, context.RequestAborted) is not { } first) continue;
            if (!first.Fingerprint.AsSpan().SequenceEqual(fingerprint))
                throw Problem.Conflict("This Idempotency-Key was used with another request within the last 24 hours.").AsException();
            if (first.Status is null)
            {
                await Task.Delay(Poll, time, context.RequestAborted);
                continue;
            }

            await ReplayAsync(context, first, secret);
            return;
        }

        await RunAsync(context, body, keyHash, secret);
    }

    /// <summary>Runs the request and keeps its answer. What may go differently next time (5xx, 429, a broken connection) is not kept.</summary>
    private async Task RunAsync(HttpContext context, RequestBytes body, byte[] keyHash, byte[] secret)
    {
        var answer = context.Response.Body;
        using var buffer = new MemoryStream();
        var kept = false;
        try
        {
            context.Request.Body = body.AsBody();
            context.Response.Body = buffer;
            try
            {
                await next(context);
            }
            catch (ProblemException e) when (e.Problem.Status is < 500 and not 429)
            {
                await ProblemMiddleware.WriteAsync(context, e.Problem, e.RetryAfter);
            }

            if (context.Response.StatusCode is < 500 and not 429)
            {
                await KeepAsync(context.Response, keyHash, SealedBytes.Seal(buffer.ToArray(), secret));
                kept = true;
            }
        }
        finally
        {
            context.Response.Body = answer;
            if (!kept) await ForgetAsync(keyHash);
        }

        buffer.Position = 0;
        await buffer.CopyToAsync(answer, context.RequestAborted);
    }

    private static async Task ReplayAsync(HttpContext context, StoredAnswer first, byte[] secret)
    {
        if (SealedBytes.TryOpen(first.Body, secret) is not { } body)
            throw Problem.Conflict("The first answer can be read only with the credentials it was given to, in the same header.").AsException();
        context.Response.StatusCode = first.Status!.Value;
        context.Response.ContentType = first.ContentType;
        if (first.Location is not null) context.Response.Headers.Location = first.Location;
        context.Response.Headers["Idempotent-Replayed"] = "true";
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private async Task<bool> TryBeginAsync(byte[] keyHash, byte[] fingerprint, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            INSERT INTO dispatcher.idempotency AS i (key_hash, fingerprint, locked_until) VALUES ($1, $2, now() + $3)
            ON CONFLICT (key_hash) DO UPDATE
                SET fingerprint = excluded.fingerprint, status = NULL, body = NULL, created_at = now(), locked_until = excluded.locked_until
                WHERE i.created_at < now() - interval '24 hours' OR (i.status IS NULL AND i.locked_until < now())
            """);
        command.Parameters.AddWithValue(keyHash);
        command.Parameters.AddWithValue(fingerprint);
        command.Parameters.AddWithValue(Lock);
        return await command.ExecuteNonQueryAsync(ct) == 1;
    }

    private async Task<StoredAnswer?> FindAsync(byte[] keyHash, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            "SELECT fingerprint, status, location, content_type, body FROM dispatcher.idempotency WHERE key_hash = $1");
        command.Parameters.AddWithValue(keyHash);
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        return new StoredAnswer(
            reader.GetFieldValue<byte[]>(0),
            reader.IsDBNull(1) ? null : reader.GetInt16(1),
            reader.IsDBNull(2) ? null : reader.GetString(2),
            reader.IsDBNull(3) ? null : reader.GetString(3),
            reader.IsDBNull(4) ? null : reader.GetFieldValue<byte[]>(4));
    }

    private async Task KeepAsync(HttpResponse response, byte[] keyHash, byte[] body)
    {
        await using var command = source.CreateCommand(
            "UPDATE dispatcher.idempotency SET status = $2, location = $3, content_type = $4, body = $5 WHERE key_hash = $1");
        command.Parameters.AddWithValue(keyHash);
        command.Parameters.AddWithValue((short)response.StatusCode);
        command.Parameters.AddWithValue((object?)(string?)response.Headers.Location ?? DBNull.Value);
        command.Parameters.AddWithValue((object?)response.ContentType ?? DBNull.Value);
        command.Parameters.AddWithValue(body);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private async Task ForgetAsync(byte[] keyHash)
    {
        try
        {
            await using var command = source.CreateCommand("DELETE FROM dispatcher.idempotency WHERE key_hash = $1 AND status IS NULL");
            command.Parameters.AddWithValue(keyHash);
            await command.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // The lock ends by itself.
        }
    }

    /// <summary>With the key's scope in it: of the body alone, which may hold a password, it would let one try passwords out.</summary>
    private static byte[] FingerprintOf(HttpRequest request, string scope, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{scope}\n{request.Method} {request.Path}{request.QueryString}\n"));
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }

    private sealed record StoredAnswer(byte[] Fingerprint, short? Status, string? Location, string? ContentType, byte[]? Body);
}
