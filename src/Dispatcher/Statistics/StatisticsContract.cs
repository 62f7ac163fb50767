// Statistics as they stand on the wire.

using System.ComponentModel.DataAnnotations;
using Dispatcher.Platform;

namespace Dispatcher.Statistics;

/// <summary>How an integration did in a span of time.</summary>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Since">The beginning, floored to the resolution.</param>
/// <param name="Until">The end; the minute or hour that it falls into counts as a whole.</param>
/// <param name="Resolution"><c>minute</c> or <c>hour</c>.</param>
/// <param name="Attempts">POSTs made.</param>
/// <param name="Deliveries">Deliveries that ended.</param>
/// <param name="SuccessRate">The share of the attempts that succeeded, 0 to 1; null when there were none.</param>
/// <param name="LatencyMs">How long attempts took; null when there were none.</param>
/// <param name="Pending">Deliveries that wait or are under way now; at most 10,000.</param>
/// <param name="PendingIsMore">Whether there are more than that.</param>
/// <param name="Series">Each minute or hour of the span, oldest first.</param>
internal sealed record IntegrationStats(
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: Example(Examples.Time)] DateTimeOffset Since,
    [property: Example(Examples.NextDay)] DateTimeOffset Until,
    [property: AllowedValues("minute", "hour"), Example("hour")] string Resolution,
    AttemptStats Attempts,
    DeliveryStats Deliveries,
    [property: Range(0d, 1d), Example(0.99)] double? SuccessRate,
    LatencyStats? LatencyMs,
    [property: Range(0, 10_000), Example(12)] int Pending,
    [property: Example(false)] bool PendingIsMore,
    IReadOnlyList<StatsPoint> Series);

/// <summary>How the server, an organization or a project did in a span of time.</summary>
/// <param name="Organization">The organization; null: all of them.</param>
/// <param name="Project">The project; null: all of the organization.</param>
/// <param name="Since">The beginning, floored to the resolution.</param>
/// <param name="Until">The end; the minute or hour that it falls into counts as a whole.</param>
/// <param name="Resolution"><c>minute</c> or <c>hour</c>.</param>
/// <param name="Accepted">Events that were accepted; null for a project, as they are counted by organization.</param>
/// <param name="Attempts">POSTs made.</param>
/// <param name="Deliveries">Deliveries that ended.</param>
/// <param name="SuccessRate">The share of the attempts that succeeded, 0 to 1; null when there were none.</param>
/// <param name="LatencyMs">How long attempts took; null when there were none.</param>
/// <param name="Queue">What waits now.</param>
/// <param name="Series">Each minute or hour of the span, oldest first.</param>
internal sealed record ServerStats(
    [property: Example(Examples.Organization)] string? Organization,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.Time)] DateTimeOffset Since,
    [property: Example(Examples.NextDay)] DateTimeOffset Until,
    [property: AllowedValues("minute", "hour"), Example("hour")] string Resolution,
    AcceptedStats? Accepted,
    AttemptStats Attempts,
    DeliveryStats Deliveries,
    [property: Range(0d, 1d), Example(0.99)] double? SuccessRate,
    LatencyStats? LatencyMs,
    QueueStats Queue,
    IReadOnlyList<ServerStatsPoint> Series);

/// <summary>Accepted events, those of the server itself included, and the deliveries that they made.</summary>
/// <param name="Events">Events that were accepted.</param>
/// <param name="Deliveries">Deliveries that they made.</param>
internal sealed record AcceptedStats([property: Example(500)] long Events, [property: Example(990)] long Deliveries);

/// <summary>Attempts, in all and by outcome.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Succeeded">Those that succeeded.</param>
/// <param name="Failed">Those that failed.</param>
/// <param name="ByOutcome">Outcome to attempts; outcomes that did not occur are left out.</param>
internal sealed record AttemptStats(
    [property: Example(1000)] long Total,
    [property: Example(990)] long Succeeded,
    [property: Example(10)] long Failed,
    [property: Example("""{"succeeded":990,"server_error":10}""")] IReadOnlyDictionary<string, long> ByOutcome);

/// <summary>Deliveries that ended, by how they did. One that is retried by hand ends once more.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Succeeded">Those that arrived.</param>
/// <param name="Exhausted">Those whose last attempt failed.</param>
/// <param name="Cancelled">Those that were given up by hand.</param>
internal sealed record DeliveryStats(
    [property: Example(992)] long Total, [property: Example(990)] long Succeeded, [property: Example(1)] long Exhausted, [property: Example(1)] long Cancelled);

/// <summary>Latencies in milliseconds: percentiles to within 10 %, and the exact mean.</summary>
/// <param name="P50">Half of the attempts took no longer.</param>
/// <param name="P95">95 % took no longer.</param>
/// <param name="P99">99 % took no longer.</param>
/// <param name="Mean">The mean.</param>
internal sealed record LatencyStats(
    [property: Example(23.5)] double P50, [property: Example(60.1)] double P95, [property: Example(140.2)] double P99, [property: Example(28.9)] double Mean);

/// <summary>What waits.</summary>
/// <param name="Depth">Deliveries that wait or are under way; at most 100,000.</param>
/// <param name="DepthIsMore">Whether there are more than that.</param>
/// <param name="OldestDueAt">When the one that is due longest fell due; null when none is. Those of disabled integrations do not count.</param>
internal sealed record QueueStats(
    [property: Range(0, 100_000), Example(12)] int Depth, [property: Example(false)] bool DepthIsMore, [property: Example(Examples.NextDay)] DateTimeOffset? OldestDueAt);

/// <summary>One minute or hour of an integration.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed.</param>
/// <param name="P50">The latency in milliseconds that half of the attempts kept to, to within 10 %; null when there were none.</param>
/// <param name="P95">The same for 95 % of them.</param>
/// <param name="P99">The same for 99 % of them.</param>
internal sealed record StatsPoint(
    [property: Example(Examples.Time)] DateTimeOffset At,
    [property: Example(40)] long Succeeded,
    [property: Example(1)] long Failed,
    [property: Example(23.5)] double? P50,
    [property: Example(60.1)] double? P95,
    [property: Example(140.2)] double? P99);

/// <summary>One minute or hour of the server, an organization or a project.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Accepted">Events accepted; null for a project.</param>
/// <param name="Delivered">Deliveries that succeeded.</param>
/// <param name="Exhausted">Deliveries whose last attempt failed.</param>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed.</param>
/// <param name="P50">The latency in milliseconds that half of the attempts kept to, to within 10 %; null when there were none.</param>
/// <param name="P95">The same for 95 % of them.</param>
/// <param name="P99">The same for 99 % of them.</param>
internal sealed record ServerStatsPoint(
    [property: Example(Examples.Time)] DateTimeOffset At,
    [property: Example(20)] long? Accepted,
    [property: Example(39)] long Delivered,
    [property: Example(1)] long Exhausted,
    [property: Example(40)] long Succeeded,
    [property: Example(1)] long Failed,
    [property: Example(23.5)] double? P50,
    [property: Example(60.1)] double? P95,
    [property: Example(140.2)] double? P99);

/// <summary>Integrations by how often they failed in a span of time.</summary>
/// <param name="Organization">The organization; null: all of them.</param>
/// <param name="Since">The beginning of the span, floored to the hour.</param>
/// <param name="Until">The end; the hour that it falls into counts as a whole.</param>
/// <param name="Data">Those with failed attempts, the one with the most first.</param>
internal sealed record FailingIntegrations(
    [property: Example(Examples.Organization)] string? Organization,
    [property: Example(Examples.Time)] DateTimeOffset Since,
    [property: Example(Examples.NextDay)] DateTimeOffset Until,
    IReadOnlyList<FailingIntegration> Data);

/// <summary>An integration with failed attempts, and how it stands now.</summary>
/// <param name="Organization">Its organization.</param>
/// <param name="IntegrationId">Its id.</param>
/// <param name="Name">What people call it, if anything.</param>
/// <param name="Project">Its project; null: it takes the events of all.</param>
/// <param name="Target">Where it is sent to.</param>
/// <param name="Succeeded">Attempts that succeeded in the span.</param>
/// <param name="Failed">Attempts that failed in it.</param>
/// <param name="SuccessRate">The share of the attempts that succeeded, 0 to 1.</param>
/// <param name="Exhausted">Deliveries whose last attempt failed in it.</param>
/// <param name="Enabled">Whether anything is sent to it.</param>
/// <param name="DisabledReason">Why the server disabled it: <c>gone</c> or <c>failing</c>; null where it did not.</param>
/// <param name="BreakerOpenUntil">Until when nothing is sent to it, because everything failed; null where its breaker is closed.</param>
/// <param name="FailingSince">Since when nothing has succeeded; null where something did last.</param>
internal sealed record FailingIntegration(
    [property: Example(Examples.Organization)] string Organization,
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: Example("ERP")] string? Name,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.Target)] string Target,
    [property: Example(40)] long Succeeded,
    [property: Example(60)] long Failed,
    [property: Range(0d, 1d), Example(0.4)] double SuccessRate,
    [property: Example(3)] long Exhausted,
    [property: Example(true)] bool Enabled,
    [property: Example("failing")] string? DisabledReason,
    [property: Example(Examples.NextDay)] DateTimeOffset? BreakerOpenUntil,
    [property: Example(Examples.Time)] DateTimeOffset? FailingSince);
