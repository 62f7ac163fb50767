// Which integrations fail, of all organizations, those that fail most first.

using Dispatcher.Pages;
using Dispatcher.Pages.Components;
using Dispatcher.Statistics;

namespace Dispatcher.Dashboard;

/// <summary>An integration that fails.</summary>
public sealed record FailingLine(
    string Organization, string Id, string Title, string Target, long Succeeded, long Failed, double SuccessRate, long Exhausted, bool Enabled,
    string? DisabledReason, DateTimeOffset? BreakerOpenUntil, DateTimeOffset? FailingSince)
{
    internal static FailingLine Of(FailingIntegration i) => new(
        i.Organization, i.IntegrationId, i.Name ?? i.Target, i.Target, i.Succeeded, i.Failed, i.SuccessRate, i.Exhausted, i.Enabled, i.DisabledReason,
        i.BreakerOpenUntil, i.FailingSince);
}

/// <summary>The integrations that fail in a span.</summary>
public sealed record FailuresModel(ChartRange Range, IReadOnlyList<FailingLine> Lines);

internal static class Failures
{
    public static void MapFailures(this RouteGroupBuilder pages) => pages.MapGet("/failures", Show);

    private static async Task<PageResult<FailuresPage, FailuresModel>> Show(string? range, FailureRanking ranking, TimeProvider time, CancellationToken ct)
    {
        var (chosen, now) = (ChartRange.Of(range), time.GetUtcNow());
        var found = await ranking.ReadAsync(null, StatisticsPeriod.Of(now - chosen.Span, null, now).ByHour(), 100, ct);
        return new(new FailuresModel(chosen, [.. found.Data.Select(FailingLine.Of)]));
    }
}
