// The place of each outcome in a stored list of counts.

using Dispatcher.Sending;

namespace Dispatcher.Statistics;

internal static class OutcomeOrder
{
    /// <summary>
    /// The frequent ones first: zeros at the end are not stored. The order is that of the database: add at the end, change nothing else.
    /// <see cref="SendOutcome.Interrupted"/> is no attempt and has no place.
    /// </summary>
    public static readonly SendOutcome[] All =
    [
        SendOutcome.Succeeded,
        SendOutcome.ServerError,
        SendOutcome.ClientError,
        SendOutcome.ConnectionRefused,
        SendOutcome.ConnectTimeout,
        SendOutcome.HeadersTimeout,
        SendOutcome.RateLimited,
        SendOutcome.DnsFailed,
        SendOutcome.TlsFailed,
        SendOutcome.ConnectionReset,
        SendOutcome.BodyTimeout,
        SendOutcome.Redirected,
        SendOutcome.Gone,
        SendOutcome.Unreachable,
        SendOutcome.ConnectionFailed,
        SendOutcome.ProtocolError,
        SendOutcome.UnexpectedStatus,
        SendOutcome.ResponseHeadersTooLarge,
        SendOutcome.AddressForbidden,
        SendOutcome.ProxyFailed,
    ];

    private static readonly int[] Places = [.. Enum.GetValues<SendOutcome>().Select(o => Array.IndexOf(All, o))];

    /// <summary>The outcome's place, from 0.</summary>
    public static int PlaceOf(SendOutcome outcome) => Places[(int)outcome];
}
