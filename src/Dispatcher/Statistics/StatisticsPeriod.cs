// The span of time that statistics are asked for, and how finely they are given.

using Dispatcher.Platform;

namespace Dispatcher.Statistics;

/// <summary>A span, in minutes or in hours.</summary>
/// <param name="Since">The beginning of a minute or an hour.</param>
/// <param name="Until">The end, exclusive; null: whatever there is.</param>
/// <param name="Step">A minute or an hour.</param>
internal sealed record StatisticsPeriod(DateTimeOffset Since, DateTimeOffset? Until, TimeSpan Step)
{
    /// <summary>How long each point of the series is, a whole multiple of <see cref="Step"/>, by which it is the default.</summary>
    public TimeSpan Width { get; private init; } = Step;

    public static readonly TimeSpan Default = TimeSpan.FromHours(24);

    /// <summary>Longer spans would have more points than a chart can show.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(31);

    /// <summary>Up to here statistics come by the minute.</summary>
    public static readonly TimeSpan LongestByMinute = TimeSpan.FromHours(6);

    /// <summary>Minutes older than this may have been dropped.</summary>
    private static readonly TimeSpan MinutesKept = TimeSpan.FromDays(Storage.StatisticsPartitions.MinutesKeptDays);

    public string Resolution => Step == TimeSpan.FromMinutes(1) ? "minute" : "hour";

    /// <summary>Checks a span and chooses its resolution. Absent: until now, since 24 hours before that.</summary>
    /// <exception cref="ProblemException">422, naming <c>since</c>.</exception>
    public static StatisticsPeriod Of(DateTimeOffset? since, DateTimeOffset? until, DateTimeOffset now)
    {
        var end = until ?? now;
        var begin = since ?? (end - DateTimeOffset.MinValue > Default ? end - Default : DateTimeOffset.MinValue);
        if (begin >= end) throw Problem.Invalid("since", $"must be before {(until is null ? "now" : "until")}.").AsException();
        if (end - begin > Longest) throw Problem.Invalid("since", $"must be at most {Longest.TotalDays:0} days before {(until is null ? "now" : "until")}.").AsException();
        var byMinute = end - begin <= LongestByMinute && begin >= now - MinutesKept;
        var step = byMinute ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(1);
        return new StatisticsPeriod(Floor(begin, step), until?.ToUniversalTime(), step);
    }

    /// <summary>The span that ends now, in points of a width that divides a day into whole minutes.</summary>
    public static StatisticsPeriod Last(TimeSpan span, TimeSpan width, DateTimeOffset now)
    {
        var step = width < TimeSpan.FromHours(1) ? TimeSpan.FromMinutes(1) : TimeSpan.FromHours(1);
        return new StatisticsPeriod(Floor(now - span, width), null, step) { Width = width };
    }

    /// <summary>The same span in whole hours.</summary>
    public StatisticsPeriod ByHour() =>
        this with { Since = Floor(Since, TimeSpan.FromHours(1)), Step = TimeSpan.FromHours(1), Width = TimeSpan.FromHours(1) };

    /// <summary>The point of the series that a minute or hour belongs to.</summary>
    public DateTimeOffset PointOf(DateTimeOffset at) => Floor(at, Width);

    /// <summary>The beginnings of all points, up to now.</summary>
    /// <param name="now">The time.</param>
    /// <param name="last">The last one that has counts: the database's clock may be ahead of ours.</param>
    public IEnumerable<DateTimeOffset> Points(DateTimeOffset now, DateTimeOffset? last)
    {
        var end = Until < now ? Until.Value : now;
        for (var at = Since; at < end || at <= last; at += Width) yield return at;
    }

    private static DateTimeOffset Floor(DateTimeOffset time, TimeSpan step) => new(time.UtcTicks - (time.UtcTicks % step.Ticks), TimeSpan.Zero);
}
