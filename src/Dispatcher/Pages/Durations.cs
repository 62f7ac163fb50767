// Spans of time in short words.

using System.Globalization;

namespace Dispatcher.Pages;

internal static class Durations
{
    /// <summary>As "1.5 s", "4 min 10 s" or "2 h 30 min": as fine as somebody who waits wants to know.</summary>
    public static string Words(TimeSpan span)
    {
        if (span < TimeSpan.FromMinutes(1)) return string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.##} s");
        var parts = new List<string>();
        if (span.TotalHours >= 1) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours} h"));
        if (span.Minutes > 0) parts.Add($"{span.Minutes} min");
        if (span.Seconds > 0 && span.TotalHours < 1) parts.Add($"{span.Seconds} s");
        return string.Join(' ', parts);
    }

    /// <summary>In whole seconds, and never below none: clocks of two machines differ.</summary>
    public static TimeSpan Whole(TimeSpan span) => TimeSpan.FromSeconds(Math.Max(0, Math.Floor(span.TotalSeconds)));
}
