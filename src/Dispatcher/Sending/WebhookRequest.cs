// The request that a receiver gets.

using System.Globalization;
using System.Net.Http.Headers;

namespace Dispatcher.Sending;

/// <summary>Builds the POST of one attempt.</summary>
internal static class WebhookRequest
{
    /// <exception cref="ArgumentException">Id or event type contain control characters: they should never have been accepted.</exception>
    public static HttpRequestMessage Create(SendTarget target, in WebhookMessage message, Attempt attempt, string userAgent)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = new PayloadContent(message.Payload, attempt.Route) };

        var headers = request.Headers;
        foreach (var (name, value) in target.Headers) Add(headers, name, value, request.Content.Headers);
        if (!target.OverridesUserAgent) Add(headers, "user-agent", userAgent);

        var timestamp = attempt.UnixTimestamp.ToString(CultureInfo.InvariantCulture);
        Add(headers, "webhook-id", message.Id);
        Add(headers, "webhook-timestamp", timestamp);
        Add(headers, "webhook-signature", attempt.Signature);
        if (target.SvixHeaders)
        {
            Add(headers, "svix-id", message.Id);
            Add(headers, "svix-timestamp", timestamp);
            Add(headers, "svix-signature", attempt.Signature);
        }

        Add(headers, "dispatcher-event", message.EventType);
        Add(headers, "dispatcher-attempt", message.Attempt.ToString(CultureInfo.InvariantCulture));
        return request;
    }

    // The framework parses known headers, which would rewrite them, or checks nothing at all and would write a line break
    // into the request as it is. So the second way is taken, and the check is ours.
    //
    // The framework holds a few names (expires, allow, last-modified) to be the content's and drops them silently elsewhere.
    private static void Add(HttpRequestHeaders headers, string name, string value, HttpContentHeaders? ofContent = null)
    {
        if (StaticHeaders.HasControlCharacters(value)) throw new ArgumentException($"The value of '{name}' contains control characters.");
        if (!headers.TryAddWithoutValidation(name, value)) ofContent?.TryAddWithoutValidation(name, value);
    }
}
