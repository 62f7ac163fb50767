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
/// stored encrypted with a key that only the caller's own key and its Idempotency-Key give, because it may show a secret.
/// </summary>
internal sealed partial class IdempotencyMiddleware(RequestDelegate next, KeptAnswers answers, TimeProvider time, ILogger<IdempotencyMiddleware> logger)
{
    public const string Header = "Idempotency-Key";
    public const int MaxKeyLength = 255;

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
        var secret = SHA256.HashData(Encoding.UTF8.GetBytes($"{AccessMiddleware.Presented(context.Request)}\n{scope}"));

        while (true)
        {
            if (await answers.TryBeginAsync(tenant.Organization, keyHash, fingerprint, context.RequestAborted) is { } turn)
            {
                await RunAsync(context, body, turn, secret);
                return;
            }

            if (await answers.FindAsync(keyHash, context.RequestAborted) is not { } first) continue;
            if (!first.Fingerprint.AsSpan().SequenceEqual(fingerprint))
                throw Problem.Conflict("This Idempotency-Key was used with another request within the last 24 hours.").AsException();
            if (first.Status is not null)
            {
                await ReplayAsync(context, first, secret);
                return;
            }

            await Task.Delay(Poll, time, context.RequestAborted);
        }
    }

    /// <summary>Runs the request and keeps its answer. What may go differently next time (5xx, 429) is not kept.</summary>
    private async Task RunAsync(HttpContext context, RequestBytes body, Turn turn, byte[] secret)
    {
        var (answer, aborted) = (context.Response.Body, context.RequestAborted);
        using var buffer = new MemoryStream();
        var ended = false;
        try
        {
            context.Request.Body = body.AsBody();
            context.Response.Body = buffer;
            // Not cancelled with the connection: who lost it asks again with the same key, and must find what became of the request.
            context.RequestAborted = CancellationToken.None;
            try
            {
                await next(context);
            }
            catch (ProblemException e) when (e.Problem.Status is < 500 and not 429)
            {
                await ProblemMiddleware.WriteAsync(context, e.Problem, e.RetryAfter);
            }

            ended = context.Response.StatusCode is < 500 and not 429;
            if (ended) await KeepAsync(context.Response, turn, SealedBytes.Seal(buffer.GetBuffer().AsSpan(0, (int)buffer.Length), secret));
        }
        finally
        {
            (context.Response.Body, context.RequestAborted) = (answer, aborted);
            if (!ended) await ForgetAsync(turn);
        }

        buffer.Position = 0;
        await buffer.CopyToAsync(answer, aborted);
    }

    private static async Task ReplayAsync(HttpContext context, KeptAnswer first, byte[] secret)
    {
        if (SealedBytes.TryOpen(first.SealedBody, secret) is not { } body)
            throw Problem.Conflict("The first answer can be read only with the key that it was given to.").AsException();
        context.Response.StatusCode = first.Status!.Value;
        context.Response.ContentType = first.ContentType;
        if (first.Location is not null) context.Response.Headers.Location = first.Location;
        context.Response.Headers["Idempotent-Replayed"] = "true";
        // It may hold what is shown once.
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private async Task KeepAsync(HttpResponse response, Turn turn, byte[] sealedBody)
    {
        try
        {
            await answers.KeepAsync(turn, response, sealedBody);
        }
        catch (NpgsqlException e)
        {
            // The effect is there, so its answer goes out. Until the lock ends a duplicate waits.
            LogNotKept(response.StatusCode, e.Message);
        }
    }

    private async Task ForgetAsync(Turn turn)
    {
        try
        {
            await answers.ForgetAsync(turn);
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "An answer with status {Status} could not be kept under its Idempotency-Key: {Reason}")]
    private partial void LogNotKept(int status, string reason);
}
