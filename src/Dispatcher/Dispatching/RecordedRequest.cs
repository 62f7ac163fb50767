// How the request headers of an attempt are recorded: what is the same for every attempt is stored once, what differs is in the attempt.

using System.Globalization;
using Dispatcher.Platform;

namespace Dispatcher.Dispatching;

/// <summary>Takes request headers apart for storing, and puts them together for reading.</summary>
internal static class RecordedRequest
{
    /// <summary>Shown in place of a value that may be a secret.</summary>
    public const string Mask = "********";

    private const string SvixMarker = "svix-id";

    /// <summary>The headers that do not differ between attempts. Static values are the customer's and may be secrets: all are masked.</summary>
    public static Dictionary<string, string> FixedHeaders(IEnumerable<KeyValuePair<string, string>> statics, bool svixHeaders)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["content-type"] = "application/json",
            ["user-agent"] = ServerVersion.UserAgent,
        };
        foreach (var (name, _) in statics) headers[name.ToLowerInvariant()] = Mask;
        if (svixHeaders) headers[SvixMarker] = "";
        return headers;
    }

    /// <summary>The request headers of one attempt, in the order in which people look for them.</summary>
    public static Dictionary<string, string> Assemble(
        IReadOnlyDictionary<string, string> fixedHeaders, string messageId, DateTimeOffset startedAt, string? signature, string eventType, int number)
    {
        var timestamp = startedAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["webhook-id"] = messageId,
            ["webhook-timestamp"] = timestamp,
            ["webhook-signature"] = signature ?? "",
        };
        if (fixedHeaders.ContainsKey(SvixMarker))
        {
            headers["svix-id"] = messageId;
            headers["svix-timestamp"] = timestamp;
            headers["svix-signature"] = signature ?? "";
        }

        headers["dispatcher-event"] = eventType;
        headers["dispatcher-attempt"] = number.ToString(CultureInfo.InvariantCulture);
        foreach (var (name, value) in fixedHeaders) headers.TryAdd(name, value);
        return headers;
    }
}
