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

    /// <summary>As "25 s", "34 min", "5 h" or "2 days": at a glance. Never below none, because clocks of two machines differ.</summary>
    public static string AtAGlance(TimeSpan span) => span switch
    {
        { TotalDays: >= 2 } => $"{(int)span.TotalDays} days",
        { TotalHours: >= 2 } => $"{(int)span.TotalHours} h",
        { TotalMinutes: >= 2 } => $"{(int)span.TotalMinutes} min",
        _ => $"{(int)Math.Max(0, span.TotalSeconds)} s",
    };
}
