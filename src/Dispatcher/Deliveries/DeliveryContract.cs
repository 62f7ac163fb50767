// Deliveries and attempts as they stand on the wire.

using System.Text.Json.Serialization;

namespace Dispatcher.Deliveries;

/// <summary>A delivery: one event for one integration.</summary>
/// <param name="Id">Its id; it sorts by the time its event was accepted.</param>
/// <param name="EventId">The event.</param>
/// <param name="EventType">The event's type.</param>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Project">The event's project.</param>
/// <param name="Status"><c>pending</c>, <c>delivering</c>, <c>succeeded</c>, <c>failed</c> (waits for a retry), <c>exhausted</c> or <c>cancelled</c>.</param>
/// <param name="AttemptCount">Attempts made.</param>
/// <param name="LastOutcome">What became of the last attempt.</param>
/// <param name="LastStatusCode">What the receiver last answered, if it did.</param>
/// <param name="CreatedAt">When its event was accepted.</param>
/// <param name="NextAttemptAt">When the next attempt is due; null when there is none to come.</param>
/// <param name="FinishedAt">When it succeeded, was exhausted or cancelled.</param>
internal record DeliveryView(
    string Id,
    string EventId,
    string EventType,
    string IntegrationId,
    string? Project,
    string Status,
    int AttemptCount,
    string? LastOutcome,
    int? LastStatusCode,
    DateTimeOffset CreatedAt,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? FinishedAt);

/// <summary>A delivery with each of its attempts, oldest first.</summary>
internal sealed record DeliveryDetail : DeliveryView
{
    public DeliveryDetail(DeliveryView view, IReadOnlyList<AttemptView> attempts) : base(view) => Attempts = attempts;

    [JsonPropertyOrder(1)]
    public IReadOnlyList<AttemptView> Attempts { get; }
}

/// <summary>One POST and what came back.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Outcome"><c>succeeded</c>, or the name of what went wrong.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="LatencyMs">How long it took, the answer's body included.</param>
/// <param name="Address">The address and port that were connected to.</param>
/// <param name="RequestHeaders">What was sent; values of static headers are masked.</param>
/// <param name="StatusCode">What the receiver answered.</param>
/// <param name="ResponseHeaders">Its headers.</param>
/// <param name="ResponseBody">The first 16 KiB of its body, as text.</param>
/// <param name="Error">The cause in words, where it is not the receiver's answer.</param>
internal sealed record AttemptView(
    int Number,
    string Outcome,
    DateTimeOffset StartedAt,
    DateTimeOffset FinishedAt,
    double LatencyMs,
    string? Address,
    IReadOnlyDictionary<string, string> RequestHeaders,
    int? StatusCode,
    IReadOnlyDictionary<string, string>? ResponseHeaders,
    string? ResponseBody,
    string? Error);
