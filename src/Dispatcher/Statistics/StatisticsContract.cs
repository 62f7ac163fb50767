// Statistics as they stand on the wire.

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
    string IntegrationId, DateTimeOffset Since, DateTimeOffset Until, string Resolution, AttemptStats Attempts, DeliveryStats Deliveries,
    double? SuccessRate, LatencyStats? LatencyMs, int Pending, bool PendingIsMore, IReadOnlyList<StatsPoint> Series);

/// <summary>How the server, or one organization on it, did in a span of time.</summary>
/// <param name="Organization">The organization; null: all of them.</param>
/// <param name="Since">The beginning, floored to the resolution.</param>
/// <param name="Until">The end; the minute or hour that it falls into counts as a whole.</param>
/// <param name="Resolution"><c>minute</c> or <c>hour</c>.</param>
/// <param name="Accepted">Events that were accepted.</param>
/// <param name="Attempts">POSTs made.</param>
/// <param name="Deliveries">Deliveries that ended.</param>
/// <param name="SuccessRate">The share of the attempts that succeeded, 0 to 1; null when there were none.</param>
/// <param name="LatencyMs">How long attempts took; null when there were none.</param>
/// <param name="Queue">What waits now.</param>
/// <param name="Series">Each minute or hour of the span, oldest first.</param>
internal sealed record ServerStats(
    string? Organization, DateTimeOffset Since, DateTimeOffset Until, string Resolution, AcceptedStats Accepted, AttemptStats Attempts,
    DeliveryStats Deliveries, double? SuccessRate, LatencyStats? LatencyMs, QueueStats Queue, IReadOnlyList<ServerStatsPoint> Series);

/// <summary>Accepted events, those of the server itself included, and the deliveries that they made.</summary>
internal sealed record AcceptedStats(long Events, long Deliveries);

/// <summary>Attempts, in all and by outcome; outcomes that did not occur are left out.</summary>
internal sealed record AttemptStats(long Total, long Succeeded, long Failed, IReadOnlyDictionary<string, long> ByOutcome);

/// <summary>Deliveries that ended, by how they did. One that is retried by hand ends once more.</summary>
internal sealed record DeliveryStats(long Total, long Succeeded, long Exhausted, long Cancelled);

/// <summary>Latencies in milliseconds: percentiles to within 10 %, and the exact mean.</summary>
internal sealed record LatencyStats(double P50, double P95, double P99, double Mean);

/// <summary>What waits.</summary>
/// <param name="Depth">Deliveries that wait or are under way; at most 100,000.</param>
/// <param name="DepthIsMore">Whether there are more than that.</param>
/// <param name="OldestDueAt">When the one that is due longest fell due; null when none is. Those of disabled integrations do not count.</param>
internal sealed record QueueStats(int Depth, bool DepthIsMore, DateTimeOffset? OldestDueAt);

/// <summary>One minute or hour of an integration.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed.</param>
/// <param name="P50">Latency in milliseconds, to within 10 %; null when there were no attempts. The others likewise.</param>
/// <param name="P95">See <paramref name="P50"/>.</param>
/// <param name="P99">See <paramref name="P50"/>.</param>
internal sealed record StatsPoint(DateTimeOffset At, long Succeeded, long Failed, double? P50, double? P95, double? P99);

/// <summary>One minute or hour of the server or an organization.</summary>
/// <param name="At">When it begins.</param>
/// <param name="Accepted">Events accepted.</param>
/// <param name="Delivered">Deliveries that succeeded.</param>
/// <param name="Exhausted">Deliveries whose last attempt failed.</param>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed.</param>
/// <param name="P50">Latency in milliseconds, to within 10 %; null when there were no attempts. The others likewise.</param>
/// <param name="P95">See <paramref name="P50"/>.</param>
/// <param name="P99">See <paramref name="P50"/>.</param>
internal sealed record ServerStatsPoint(
    DateTimeOffset At, long Accepted, long Delivered, long Exhausted, long Succeeded, long Failed, double? P50, double? P95, double? P99);
