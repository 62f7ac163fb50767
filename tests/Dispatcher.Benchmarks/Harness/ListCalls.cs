// The lists that people and portals ask for, called many times over.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What many calls of one list gave.</summary>
/// <param name="MedianMs">Median time of a call.</param>
/// <param name="P99Ms">99th percentile.</param>
/// <param name="Rows">Rows of the last page.</param>
/// <param name="Problems">Rows that should not have been there, or stood in the wrong order.</param>
internal sealed record ListTimes(double MedianMs, double P99Ms, int Rows, IReadOnlyList<string> Problems);

internal sealed class ListCalls(HttpClient api, int calls)
{
    /// <summary>Members of a row that must be what the query member of the same meaning asked for.</summary>
    private static readonly (string Asked, string OfDelivery, string OfEvent)[] Filters =
        [("type", "event_type", "type"), ("status", "status", ""), ("integration", "integration_id", ""), ("event", "event_id", "")];

    /// <summary>Calls a list over and over, its variants in turn.</summary>
    public async Task<ListTimes> MeasureAsync(IReadOnlyList<string> paths, CancellationToken cancellationToken)
    {
        var times = new List<double>(calls);
        var problems = new HashSet<string>();
        var rows = 0;
        for (var call = 0; call < calls; call++)
        {
            var path = paths[call % paths.Count];
            var started = Stopwatch.GetTimestamp();
            var body = await api.GetByteArrayAsync(new Uri(path, UriKind.Relative), cancellationToken);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            using var page = JsonDocument.Parse(body);
            rows = Check(path, page.RootElement.GetProperty("data"), problems);
        }

        times.Sort();
        double Rank(double share) => times[Math.Max(1, (int)Math.Ceiling(times.Count * share)) - 1];
        return new ListTimes(Rank(0.5), Rank(0.99), rows, [.. problems]);
    }

    /// <summary>The same list from the middle of what is stored on; null when nothing lies there.</summary>
    public async Task<string?> MiddleAsync(string path, DateTimeOffset middle, CancellationToken cancellationToken)
    {
        var until = Uri.EscapeDataString(middle.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        var separator = path.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        var first = path.Contains("until=", StringComparison.Ordinal) ? path : $"{path}{separator}until={until}";
        using var page = JsonDocument.Parse(await api.GetByteArrayAsync(new Uri(first, UriKind.Relative), cancellationToken));
        return page.RootElement.GetProperty("next_cursor").GetString() is { } cursor ? $"{path}{separator}cursor={cursor}" : null;
    }

    private static int Check(string path, JsonElement data, HashSet<string> problems)
    {
        var isEvents = path.StartsWith("/events", StringComparison.Ordinal);
        var asked = path[(path.IndexOf('?', StringComparison.Ordinal) + 1)..].Split('&').Select(pair => pair.Split('=')).ToDictionary(p => p[0], p => p[1]);
        string? before = null;
        foreach (var row in data.EnumerateArray())
        {
            var id = row.GetProperty("id").GetString()!;
            if (before is not null && string.CompareOrdinal(before, id) <= 0) problems.Add($"{path}: rows out of order");
            before = id;
            foreach (var (name, ofDelivery, ofEvent) in Filters)
            {
                var member = isEvents ? ofEvent : ofDelivery;
                if (member.Length > 0 && asked.TryGetValue(name, out var value) && row.GetProperty(member).GetString() != value)
                    problems.Add($"{path}: a row with another {member}");
            }
        }

        return data.GetArrayLength();
    }
}
