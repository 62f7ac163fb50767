// The spans of time that the dashboard's charts can show.

using Dispatcher.Statistics;

namespace Dispatcher.Dashboard;

/// <summary>A span up to now.</summary>
/// <param name="Id">As it stands in an address.</param>
/// <param name="Text">As people read it.</param>
public sealed record Span(string Id, string Text)
{
    /// <summary>Those that can be chosen; the first is the one without a choice.</summary>
    public static readonly IReadOnlyList<Span> All = [new("1h", "1 hour"), new("24h", "24 hours"), new("7d", "7 days")];

    /// <summary>The span of an address; what is none is the first.</summary>
    public static Span Of(string? id) => All.FirstOrDefault(s => s.Id == id) ?? All[0];

    internal StatisticsPeriod PeriodAt(DateTimeOffset now) => StatisticsPeriod.Of(now - Id switch
    {
        "24h" => TimeSpan.FromHours(24),
        "7d" => TimeSpan.FromDays(7),
        _ => TimeSpan.FromHours(1),
    }, null, now);
}
