// What the sending tests have in common: a sender that may reach loopback, targets and messages with sensible defaults.

using System.Net;
using Dispatcher.Sending;
using Dispatcher.Signing;

namespace Dispatcher.Tests.Sending;

/// <summary>Makes senders, targets and messages.</summary>
internal static class SendingBench
{
    public const string SecretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>Long enough never to be reached by an attempt that is to end in another way.</summary>
    public static readonly TimeSpan Ample = TimeSpan.FromSeconds(30);

    public static readonly SigningSecret Secret = Parse(SecretText);

    public static SigningSecret Parse(string text) =>
        SigningSecret.TryParse(text, out var secret, out var error) ? secret : throw new ArgumentException(error, nameof(text));

    public static WebhookSender Sender(SendingOptions? options = null, EgressGuard? guard = null, TimeProvider? time = null) =>
        new(options ?? new SendingOptions(), guard ?? LoopbackGuard(), time ?? TimeProvider.System);

    public static EgressGuard LoopbackGuard() => new(new EgressPolicy { AllowLoopback = true });

    /// <summary>A guard that lets loopback be reached, and for which every name means these addresses.</summary>
    public static EgressGuard GuardResolving(params IPAddress[] addresses) =>
        new(new EgressPolicy { AllowLoopback = true }, (_, _) => Task.FromResult(addresses));

    public static SendTarget Target(
        Uri url,
        TimeSpan? timeout = null,
        bool svix = true,
        SigningSecret[]? secrets = null,
        params (string Name, string Value)[] headers) => new(
            url,
            [.. headers.Select(header => KeyValuePair.Create(header.Name, header.Value))],
            [.. secrets ?? [Secret]],
            timeout ?? Ample,
            svix);

    public static WebhookMessage Message(string payload = """{"job_id":"parse_1"}""", string id = "evt_1", int attempt = 1) =>
        new(id, "job.completed", System.Text.Encoding.UTF8.GetBytes(payload), attempt);

    /// <summary>One attempt with a sender of its own.</summary>
    public static async Task<SendResult> SendOnceAsync(
        Uri url, TimeSpan? timeout = null, SendingOptions? options = null, EgressGuard? guard = null, CancellationToken shutdown = default)
    {
        using var sender = Sender(options, guard);
        return await sender.SendAsync(Target(url, timeout), Message(), shutdown);
    }
}

/// <summary>A wall clock that stands still; the clock that measures spans goes on.</summary>
internal sealed class StandingClock(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}
