// Why a received webhook is not to be trusted.

namespace Dispatcher.Client;

/// <summary>Why a webhook was turned down.</summary>
public enum WebhookVerificationReason
{
    /// <summary>The id, timestamp or signature header is absent or empty, in both header families.</summary>
    MissingHeader,

    /// <summary>The timestamp is not a whole number of Unix seconds.</summary>
    BadTimestamp,

    /// <summary>The timestamp is further in the past than the tolerance: an old request sent again, or a clock that is wrong.</summary>
    TimestampTooOld,

    /// <summary>The timestamp is further in the future than the tolerance.</summary>
    TimestampTooNew,

    /// <summary>No signature matches: another secret, or a changed id, timestamp or body.</summary>
    BadSignature,
}

/// <summary>A received webhook is not to be trusted: answer 401 and do nothing else with it.</summary>
public sealed class WebhookVerificationException : Exception
{
    internal WebhookVerificationException(WebhookVerificationReason reason, string message)
        : base(message) => Reason = reason;

    /// <summary>Why.</summary>
    public WebhookVerificationReason Reason { get; }
}
