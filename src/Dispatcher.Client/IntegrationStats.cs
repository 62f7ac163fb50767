// What comes from GET /integrations/{id}/stats: how an endpoint did in a span of time.

namespace Dispatcher.Client;

/// <summary>How an integration did in a span of time.</summary>
/// <param name="IntegrationId"><c>int_…</c></param>
/// <param name="Since">The beginning: that of the minute or hour which was asked for.</param>
/// <param name="Until">The end; the minute or hour that it falls into counts as a whole.</param>
/// <param name="Resolution"><c>minute</c> for spans of up to 6 hours within the last 2 days, else <c>hour</c>.</param>
/// <param name="Attempts">POSTs made.</param>
/// <param name="Deliveries">Deliveries that ended.</param>
/// <param name="Series">Each minute or hour of the span, oldest first.</param>
public sealed record IntegrationStats(
    string IntegrationId,
    DateTimeOffset Since,
    DateTimeOffset Until,
    string Resolution,
    AttemptStats Attempts,
    DeliveryStats Deliveries,
    IReadOnlyList<StatsPoint> Series)
{
    /// <summary>The share of the attempts that succeeded, 0 to 1; <c>null</c>: there were none.</summary>
    public double? SuccessRate { get; init; }

    /// <summary>How long attempts took; <c>null</c>: there were none.</summary>
    public LatencyStats? LatencyMs { get; init; }

    /// <summary>Deliveries that wait or are under way now, counted up to 10,000.</summary>
    public int Pending { get; init; }

    /// <summary>Whether there are more than <see cref="Pending"/> says.</summary>
    public bool PendingIsMore { get; init; }
}

/// <summary>Attempts, in all and by outcome.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Succeeded">Those that succeeded.</param>
/// <param name="Failed">Those that did not.</param>
/// <param name="ByOutcome">By the names that attempts carry, such as <c>server_error</c>; outcomes that did not occur are not in it.</param>
public sealed record AttemptStats(long Total, long Succeeded, long Failed, IReadOnlyDictionary<string, long> ByOutcome);

/// <summary>Deliveries that ended, by how they did.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Succeeded">The receiver took them.</param>
/// <param name="Exhausted">Their last attempt failed.</param>
/// <param name="Cancelled">They were given up by request.</param>
public sealed record DeliveryStats(long Total, long Succeeded, long Exhausted, long Cancelled);

/// <summary>Latencies in milliseconds: percentiles to within 10 %, the mean exactly.</summary>
/// <param name="P50">What half of the attempts did not exceed.</param>
/// <param name="P95">What 95 % of them did not exceed.</param>
/// <param name="P99">What 99 % of them did not exceed.</param>
/// <param name="Mean">The mean.</param>
public sealed record LatencyStats(double P50, double P95, double P99, double Mean);

/// <summary>One minute or hour.</summary>
/// <param name="At">When it began.</param>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed.</param>
/// <param name="P50">Latency in milliseconds, to within 10 %; <c>null</c>: there were no attempts.</param>
/// <param name="P95">As <paramref name="P50"/>.</param>
/// <param name="P99">As <paramref name="P50"/>.</param>
public sealed record StatsPoint(DateTimeOffset At, long Succeeded, long Failed, double? P50 = null, double? P95 = null, double? P99 = null);
