// One attempt under way: what is signed at its start, and what its answer has shown so far.

using Dispatcher.Signing;

namespace Dispatcher.Sending;

/// <summary>Gathers the facts of one attempt, and makes the <see cref="SendResult"/> of them, wherever it ends.</summary>
internal sealed class Attempt
{
    private readonly TimeProvider _time;
    private readonly long _startedTicks;
    private readonly DateTimeOffset _startedAt;

    public Attempt(SendTarget target, in WebhookMessage message, TimeProvider time)
    {
        _time = time;
        _startedTicks = time.GetTimestamp();
        _startedAt = time.GetUtcNow();
        UnixTimestamp = _startedAt.ToUnixTimeSeconds();
        Signature = WebhookSignature.Sign(target.Secrets.AsSpan(), message.Id, UnixTimestamp, message.Payload.Span);
    }

    public long UnixTimestamp { get; }

    public string Signature { get; }

    public AttemptRoute Route { get; } = new();

    public int? StatusCode { get; set; }

    public string? ResponseHeaders { get; set; }

    public byte[] ResponseBody { get; set; } = [];

    public long ResponseBytes { get; set; }

    public TimeSpan? RetryAfter { get; set; }

    public DateTimeOffset Now => _time.GetUtcNow();

    public SendResult End(SendOutcome outcome, string? error) => new()
    {
        Outcome = outcome,
        StatusCode = StatusCode,
        StartedAt = _startedAt,
        UnixTimestamp = UnixTimestamp,
        Latency = _time.GetElapsedTime(_startedTicks),
        Address = Route.Address,
        Signature = Signature,
        ResponseHeaders = ResponseHeaders,
        ResponseBody = ResponseBody,
        ResponseBytes = ResponseBytes,
        RetryAfter = RetryAfter,
        Error = error,
    };
}
