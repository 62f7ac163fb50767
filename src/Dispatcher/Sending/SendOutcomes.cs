// Outcomes as text: the names in the database and in the API, which never change once released.

namespace Dispatcher.Sending;

/// <summary>Maps <see cref="SendOutcome"/> to its snake_case name and back, and statuses to outcomes.</summary>
internal static class SendOutcomes
{
    private static readonly Dictionary<string, SendOutcome> ByName =
        Enum.GetValues<SendOutcome>().ToDictionary(ToName, StringComparer.Ordinal);

    public static string ToName(this SendOutcome outcome) => outcome switch
    {
        SendOutcome.Succeeded => "succeeded",
        SendOutcome.Redirected => "redirected",
        SendOutcome.Gone => "gone",
        SendOutcome.RateLimited => "rate_limited",
        SendOutcome.ClientError => "client_error",
        SendOutcome.ServerError => "server_error",
        SendOutcome.UnexpectedStatus => "unexpected_status",
        SendOutcome.ConnectTimeout => "connect_timeout",
        SendOutcome.HeadersTimeout => "headers_timeout",
        SendOutcome.BodyTimeout => "body_timeout",
        SendOutcome.DnsFailed => "dns_failed",
        SendOutcome.ConnectionRefused => "connection_refused",
        SendOutcome.ConnectionReset => "connection_reset",
        SendOutcome.Unreachable => "unreachable",
        SendOutcome.ConnectionFailed => "connection_failed",
        SendOutcome.TlsFailed => "tls_failed",
        SendOutcome.ProtocolError => "protocol_error",
        SendOutcome.ResponseHeadersTooLarge => "response_headers_too_large",
        SendOutcome.AddressForbidden => "address_forbidden",
        SendOutcome.ProxyFailed => "proxy_failed",
        SendOutcome.Interrupted => "interrupted",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "Not an outcome."),
    };

    public static bool TryParse(string name, out SendOutcome outcome) => ByName.TryGetValue(name, out outcome);

    /// <summary>Reads a stored name; one that no outcome has is a <see cref="FormatException"/>.</summary>
    public static SendOutcome Parse(string name) =>
        TryParse(name, out var outcome) ? outcome : throw new FormatException($"No send outcome is named '{name}'.");

    /// <summary>The outcome that a complete answer with this status has.</summary>
    public static SendOutcome FromStatus(int status) => status switch
    {
        >= 200 and <= 299 => SendOutcome.Succeeded,
        >= 300 and <= 399 => SendOutcome.Redirected,
        410 => SendOutcome.Gone,
        429 => SendOutcome.RateLimited,
        >= 400 and <= 499 => SendOutcome.ClientError,
        >= 500 and <= 599 => SendOutcome.ServerError,
        _ => SendOutcome.UnexpectedStatus,
    };
}
