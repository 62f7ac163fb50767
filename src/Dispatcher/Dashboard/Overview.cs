// The first page: how the whole server does.

using Dispatcher.Pages;
using Dispatcher.Pages.Components;
using Dispatcher.Statistics;

namespace Dispatcher.Dashboard;

/// <summary>How the whole server does.</summary>
/// <param name="Range">The span that is shown.</param>
/// <param name="Now">What happens in these minutes.</param>
/// <param name="SuccessRate">The share of the span's attempts that succeeded, 0 to 1; null when there were none.</param>
/// <param name="Latencies">p50, p95 and p99 of the span in milliseconds; null when there were no attempts.</param>
/// <param name="Queue">What waits.</param>
/// <param name="Times">When each minute or hour begins.</param>
/// <param name="Flow">Accepted events, delivered and exhausted deliveries.</param>
/// <param name="Attempts">Attempts by how they ended.</param>
/// <param name="Latency">Latencies in milliseconds.</param>
/// <param name="Failing">The integrations that fail most.</param>
/// <param name="IsEmpty">Whether nothing was ever accepted in the longest span: the page then says how to begin.</param>
public sealed record OverviewModel(
    ChartRange Range, Rates Now, double? SuccessRate, (double P50, double P95, double P99)? Latencies, QueueFigures Queue, IReadOnlyList<DateTimeOffset> Times,
    IReadOnlyList<ChartSeries> Flow, IReadOnlyList<ChartSeries> Attempts, IReadOnlyList<ChartSeries> Latency, IReadOnlyList<FailingLine> Failing, bool IsEmpty);

/// <summary>What happens a second, on average over the last minutes.</summary>
public sealed record Rates(double Accepted, double Delivered, double Failed);

/// <summary>What waits, and for how long the oldest has been due.</summary>
public sealed record QueueFigures(int Depth, bool IsMore, TimeSpan? OldestDueFor);

internal static class Overview
{
    /// <summary>Rates are averages of so many whole minutes: fewer would jump, more would lag.</summary>
    private const int RateMinutes = 5;

    public static void MapOverview(this RouteGroupBuilder pages) => pages.MapGet("/", Show);

    private static async Task<PageResult<OverviewPage, OverviewModel>> Show(
        string? range, StatisticsReader statistics, FailureRanking ranking, TimeProvider time, CancellationToken ct)
    {
        var (chosen, now) = (ChartRange.Of(range, "1h"), time.GetUtcNow());
        var period = StatisticsPeriod.Of(now - chosen.Span, null, now);
        var stats = await statistics.OfScopeAsync(null, null, period, ct);
        var minutes = stats.Resolution == "minute"
            ? stats.Series
            : (await statistics.OfScopeAsync(null, null, StatisticsPeriod.Of(now.AddMinutes(-RateMinutes - 1), null, now), ct)).Series;
        var failing = await ranking.ReadAsync(null, period.ByHour(), 5, ct);
        return new(new OverviewModel(
            chosen,
            RatesOf(minutes),
            stats.SuccessRate,
            stats.LatencyMs is { } l ? (l.P50, l.P95, l.P99) : null,
            new QueueFigures(stats.Queue.Depth, stats.Queue.DepthIsMore, stats.Queue.OldestDueAt is { } due ? now - due : null),
            [.. stats.Series.Select(p => p.At)],
            [Series("Accepted events", "accent", p => p.Accepted), Series("Delivered", "good", p => p.Delivered), Series("Exhausted", "bad", p => p.Exhausted)],
            [Series("Succeeded", "good", p => p.Succeeded), Series("Failed", "bad", p => p.Failed)],
            [Series("p50", "good", p => p.P50), Series("p95", "warn", p => p.P95), Series("p99", "bad", p => p.P99)],
            [.. failing.Data.Select(FailingLine.Of)],
            stats is { Accepted.Events: 0, Attempts.Total: 0 }));

        ChartSeries Series(string name, string tone, Func<ServerStatsPoint, double?> value) => new(name, tone, [.. stats.Series.Select(value)]);
    }

    /// <summary>Of whole minutes: the one that it is now has only begun.</summary>
    private static Rates RatesOf(IReadOnlyList<ServerStatsPoint> series)
    {
        var last = series.SkipLast(1).TakeLast(RateMinutes).ToList();
        var seconds = Math.Max(1, last.Count) * 60.0;
        return new Rates(last.Sum(p => p.Accepted ?? 0) / seconds, last.Sum(p => p.Delivered) / seconds, last.Sum(p => p.Failed) / seconds);
    }
}
