// A span for each attempt, where anybody traces.

using System.Diagnostics;

namespace Dispatcher.Sending;

/// <summary>
/// Spans of the source <c>Dispatcher</c>, in the terms of OpenTelemetry's HTTP conventions. They hold the target's host and not its
/// URL, which may hold a secret. Receivers see nothing of it: no trace header is sent.
/// </summary>
internal static class AttemptTrace
{
    public const string SourceName = "Dispatcher";

    private static readonly ActivitySource Source = new(SourceName);

    /// <summary>Starts a span; null where nobody traces, or not this one.</summary>
    public static Activity? Start(SendTarget target, in WebhookMessage message) => !Source.HasListeners() ? null :
        Source.StartActivity($"POST {message.EventType}", ActivityKind.Client)?
            .SetTag("http.request.method", "POST")
            .SetTag("server.address", target.Url.IdnHost)
            .SetTag("server.port", target.Url.Port)
            .SetTag("dispatcher.event.id", message.Id)
            .SetTag("dispatcher.event.type", message.EventType)
            .SetTag("dispatcher.attempt", message.Attempt);

    public static void Describe(Activity span, SendResult result)
    {
        span.SetTag("dispatcher.outcome", SendOutcomes.ToName(result.Outcome));
        if (result.StatusCode is { } status) span.SetTag("http.response.status_code", status);
        if (result.Address is { } address) span.SetTag("network.peer.address", address);
        if (result.Outcome != SendOutcome.Succeeded) span.SetTag("error.type", SendOutcomes.ToName(result.Outcome)).SetStatus(ActivityStatusCode.Error, result.Error);
    }
}
