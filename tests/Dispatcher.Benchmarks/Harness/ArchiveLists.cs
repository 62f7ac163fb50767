// Which lists are measured on a seeded archive: each filter by itself, common and rare values of it, and combinations.
using System.Globalization;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

internal static class ArchiveLists
{
    private static readonly string[] Statuses = ["pending", "delivering", "failed", "succeeded", "exhausted", "cancelled"];

    /// <summary>From one in two to one a day, one of a month ago, and one that never was.</summary>
    private static readonly string[] Types = ["job.completed", "job.kind_1", "job.failed", "job.rare", "job.bygone", "job.unknown"];

    /// <summary>Names and paths; several paths of one name are called in turn.</summary>
    public static async Task<IReadOnlyList<(string Name, string[] Paths)>> FindAsync(HttpClient api, DateTimeOffset now, CancellationToken cancellationToken)
    {
        const string big = $"organization={ArchiveSeed.Big}", small = $"organization={ArchiveSeed.Small}";
        var events = await EventsAsync(api, $"/events?{big}&limit=20&until={At(now, 10)}", cancellationToken);
        return
        [
            ("deliveries", [$"/deliveries?{big}"]),
            ("deliveries of a small organization", [$"/deliveries?{small}"]),
            ("deliveries?integration= (a big one)", [$"/deliveries?{big}&integration={Integration(1)}"]),
            ("deliveries?integration= (one of many)", [.. Enumerable.Range(0, 10).Select(n => $"/deliveries?{small}&integration={Integration(102 + 20 * n)}")]),
            ("deliveries?event=", [.. events.Select(id => $"/deliveries?{big}&event={id}")]),
            .. Statuses.Select(status => ($"deliveries?status={status}", new[] { $"/deliveries?{big}&status={status}" })),
            .. Types.Select(type => ($"deliveries?type={type}", new[] { $"/deliveries?{big}&type={type}" })),
            ("deliveries?since=&until= (a day)", [$"/deliveries?{big}&since={At(now, 20)}&until={At(now, 19)}"]),
            ("deliveries?since= (25 days)", [$"/deliveries?{big}&since={At(now, 25)}"]),
            ("deliveries?until= (25 days ago)", [$"/deliveries?{big}&until={At(now, 25)}"]),
            ("deliveries?integration=&status=exhausted", [$"/deliveries?{big}&integration={Integration(1)}&status=exhausted", $"/deliveries?{small}&integration={Integration(102)}&status=exhausted"]),
            ("deliveries?integration=&status=pending", [$"/deliveries?{big}&integration={Integration(1)}&status=pending"]),
            ("deliveries?integration=&status=failed", [$"/deliveries?{big}&integration={Integration(3)}&status=failed"]),
            ("deliveries?integration=&type=job.failed", [$"/deliveries?{big}&integration={Integration(1)}&type=job.failed"]),
            ("deliveries?integration=&type=job.unknown", [$"/deliveries?{big}&integration={Integration(1)}&type=job.unknown"]),
            ("deliveries?integration=&status=succeeded&since=&until=", [$"/deliveries?{big}&integration={Integration(1)}&status=succeeded&since={At(now, 20)}&until={At(now, 18)}"]),
            ("deliveries?type=job.completed&status=exhausted", [$"/deliveries?{big}&type=job.completed&status=exhausted"]),
            ("deliveries?type=job.failed&status=exhausted", [$"/deliveries?{big}&type=job.failed&status=exhausted"]),
            ("deliveries?type=job.failed&status=pending", [$"/deliveries?{big}&type=job.failed&status=pending"]),
            ("deliveries?type=job.kind_1 of a small organization", [$"/deliveries?{small}&type=job.kind_1"]),
            ("events", [$"/events?{big}"]),
            .. Types.Select(type => ($"events?type={type}", new[] { $"/events?{big}&type={type}" })),
            ("events?type=job.kind_1 of a small organization", [$"/events?{small}&type=job.kind_1"]),
            ("events?type=&project=", [$"/events?{big}&type=job.kind_1&project=claims"]),
            ("events?project= (unknown)", [$"/events?{big}&project=nobody"]),
            ("events?since=&until= (a day)", [$"/events?{big}&since={At(now, 20)}&until={At(now, 19)}"]),
        ];
    }

    private static string Integration(int number) => $"int_019000000000700080000000{number:x8}";

    private static string At(DateTimeOffset now, int daysAgo) =>
        now.AddDays(-daysAgo).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static async Task<string[]> EventsAsync(HttpClient api, string path, CancellationToken cancellationToken)
    {
        using var page = JsonDocument.Parse(await api.GetByteArrayAsync(new Uri(path, UriKind.Relative), cancellationToken));
        return [.. page.RootElement.GetProperty("data").EnumerateArray().Select(row => row.GetProperty("id").GetString()!)];
    }
}
