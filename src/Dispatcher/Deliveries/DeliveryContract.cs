// Deliveries and attempts as they stand on the wire.

using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Dispatcher.Dispatching;
using Dispatcher.Platform;

namespace Dispatcher.Deliveries;

/// <summary>A delivery: one event for one integration.</summary>
/// <param name="Id">Its id; it sorts by the time its event was accepted.</param>
/// <param name="EventId">The event.</param>
/// <param name="EventType">The event's type.</param>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Project">The event's project, if any.</param>
/// <param name="Status"><c>pending</c> waits for its first attempt, <c>delivering</c> is in a node's hands, <c>failed</c> waits for a retry; <c>succeeded</c>, <c>exhausted</c> (its last attempt failed) and <c>cancelled</c> are ends.</param>
/// <param name="AttemptCount">How many attempts were made.</param>
/// <param name="LastOutcome">What became of the last attempt: <c>succeeded</c>, or the name of what went wrong; null before the first.</param>
/// <param name="LastStatusCode">The HTTP status that the receiver last answered with; null where the last attempt got no answer.</param>
/// <param name="CreatedAt">When its event was accepted.</param>
/// <param name="NextAttemptAt">When the next attempt is due; null when there is none to come.</param>
/// <param name="FinishedAt">When it succeeded, was exhausted or cancelled.</param>
internal record DeliveryView(
    [property: Example(Examples.Delivery)] string Id,
    [property: Example(Examples.Event)] string EventId,
    [property: Example(Examples.EventType)] string EventType,
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: Example(Examples.Project)] string? Project,
    [property: AllowedValues(DeliveryStatus.Pending, DeliveryStatus.Delivering, DeliveryStatus.Succeeded, DeliveryStatus.Failed, DeliveryStatus.Exhausted, DeliveryStatus.Cancelled)]
    [property: Example(DeliveryStatus.Failed)]
    string Status,
    [property: Example(1)] int AttemptCount,
    [property: Example("server_error")] string? LastOutcome,
    [property: Example(500)] int? LastStatusCode,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example("2023-10-01T12:00:02.000Z")] DateTimeOffset? NextAttemptAt,
    [property: Example("2023-10-01T12:17:02.000Z")] DateTimeOffset? FinishedAt);

/// <summary>A delivery in the list of all organizations.</summary>
internal sealed record ServerDelivery : DeliveryView
{
    public ServerDelivery(DeliveryView view, string organization) : base(view) => Organization = organization;

    /// <summary>Whose it is: what <c>?organization=</c> names in calls about it.</summary>
    [JsonPropertyOrder(1)]
    [Example(Examples.Organization)]
    public string Organization { get; }
}

/// <summary>A delivery with each of its attempts.</summary>
internal sealed record DeliveryDetail : DeliveryView
{
    public DeliveryDetail(DeliveryView view, IReadOnlyList<AttemptView> attempts) : base(view) => Attempts = attempts;

    /// <summary>The attempts, oldest first.</summary>
    [JsonPropertyOrder(1)]
    public IReadOnlyList<AttemptView> Attempts { get; }
}

/// <summary>One POST and what came back.</summary>
/// <param name="Number">Which attempt it was, from 1.</param>
/// <param name="Outcome"><c>succeeded</c>, or the name of what went wrong: such as <c>server_error</c>, <c>connect_timeout</c>, <c>dns_failed</c>, <c>tls_failed</c> or <c>address_forbidden</c>.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="LatencyMs">How long it took in milliseconds, the answer's body included.</param>
/// <param name="Address">The address and port that were connected to; null where there was no connection.</param>
/// <param name="RequestHeaders">The headers that were sent; values of static headers are masked.</param>
/// <param name="StatusCode">The HTTP status that the receiver answered with; null where it did not.</param>
/// <param name="ResponseHeaders">The headers of the answer; null where there was none.</param>
/// <param name="ResponseBody">The first 16 KiB of the answer's body, as text; null where there was no answer.</param>
/// <param name="Error">The cause in words, where it is not the receiver's answer; else null.</param>
internal sealed record AttemptView(
    [property: Example(1)] int Number,
    [property: Example("server_error")] string Outcome,
    [property: Example("2023-10-01T12:00:00.004Z")] DateTimeOffset StartedAt,
    [property: Example("2023-10-01T12:00:00.027Z")] DateTimeOffset FinishedAt,
    [property: Example(23.4)] double LatencyMs,
    [property: Example("192.0.2.10:443")] string? Address,
    [property: Example("""{"content-type":"application/json","webhook-id":"evt_018aeb1c12007c3e8f1d2b3a4c5d6e7f","webhook-timestamp":"1696161600","x-api-token":"********"}""")]
    IReadOnlyDictionary<string, string> RequestHeaders,
    [property: Example(500)] int? StatusCode,
    [property: Example("""{"content-type":"text/plain"}""")] IReadOnlyDictionary<string, string>? ResponseHeaders,
    [property: Example("Internal Server Error")] string? ResponseBody,
    [property: Example("The connection was closed before an answer was complete.")] string? Error)
{
    /// <summary>The bytes behind <see cref="ResponseBody"/>, for those who show what is no text in another way.</summary>
    [JsonIgnore]
    public byte[]? ResponseBytes { get; init; }
}
