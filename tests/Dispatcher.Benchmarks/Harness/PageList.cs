// The pages that are visited, and the answers of the API behind them, with common and rare values of each filter.
using System.Globalization;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>An address that is visited.</summary>
/// <param name="Face">Whose it is: dashboard, portal or API.</param>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Address">Path and query.</param>
internal sealed record Page(string Face, string Name, string Address);

internal static class PageList
{
    public const string Dashboard = "dashboard", Portal = "portal", Api = "api";

    private static readonly string[] Statuses = ["pending", "delivering", "failed", "succeeded", "exhausted", "cancelled"];

    /// <summary>From one in two to one a day, and one that never was.</summary>
    private static readonly string[] Types = ["job.completed", "job.kind_1", "job.failed", "job.rare", "job.unknown"];

    private static readonly string[] Spans = ["1h", "24h", "7d"];

    /// <summary>All of them. What they show is looked up first.</summary>
    public static async Task<IReadOnlyList<Page>> FindAsync(ServerProcess server, CancellationToken cancellationToken)
    {
        var (now, integration) = (TimeProvider.System.GetUtcNow(), "int_" + $"01900000000070008000{1:x12}");
        var succeeded = await FirstAsync("succeeded");
        var (delivery, ofEvent, after) = (succeeded.GetProperty("id").GetString()!, succeeded.GetProperty("event_id").GetString()!, At(now, 3));
        var exhausted = (await FirstAsync("exhausted")).GetProperty("id").GetString()!;
        var pending = (await FirstAsync("pending")).GetProperty("id").GetString()!;

        (string Name, string Address)[] lists =
        [
            ("deliveries", "deliveries"),
            .. Statuses.Select(s => ($"deliveries, status {s}", $"deliveries?status={s}")),
            .. Types.Select(t => ($"deliveries, type {t}", $"deliveries?type={t}")),
            ("deliveries, of an integration", $"deliveries?integration={integration}"),
            ("deliveries, of an integration, failed", $"deliveries?integration={integration}&status=failed"),
            ("deliveries, of an integration, exhausted", $"deliveries?integration={integration}&status=exhausted"),
            ("deliveries, of an integration, type job.unknown", $"deliveries?integration={integration}&type=job.unknown"),
            ("deliveries, type job.failed and exhausted", "deliveries?type=job.failed&status=exhausted"),
            ("deliveries, before three days ago", $"deliveries?until={after}"),
            ("events", "events"),
            .. Types.Select(t => ($"events, type {t}", $"events?type={t}")),
        ];
        (string Name, string Address)[] both =
        [
            ("integrations", "integrations"),
            ("integrations, found by target", "integrations?q=nowhere"),
            ("integrations, failing", "integrations?status=failing"),
            .. new[] { "1h", "24h", "7d", "30d" }.Select(range => ($"integration, {range}", $"integrations/{integration}?range={range}")),
            ("integration, edit", $"integrations/{integration}/edit"),
            ("integration, test", $"integrations/{integration}/test"),
            ("integration, secret", $"integrations/{integration}/secret"),
            ("integration, verify", $"integrations/{integration}/verify"),
            ("integration, recover", $"integrations/{integration}/recover"),
            .. lists,
            ("deliveries, by the id of a delivery", $"deliveries?id={delivery}"),
            ("deliveries, by the id of an event", $"deliveries?id={ofEvent}"),
            ("delivery, succeeded", $"deliveries/{delivery}"),
            ("delivery, exhausted", $"deliveries/{exhausted}"),
            ("delivery, pending", $"deliveries/{pending}"),
            ("event", $"events/{ofEvent}"),
        ];
        (string Name, string Address)[] ofServer =
        [
            .. Statuses.Select(s => ($"status {s}", $"status={s}")),
            .. Types.Select(t => ($"type {t}", $"type={t}")),
            ("type job.failed and exhausted", "type=job.failed&status=exhausted"),
            ("type job.failed and pending", "type=job.failed&status=pending"),
        ];
        return
        [
            .. Spans.Select(s => new Page(Dashboard, $"overview, {s}", $"/dashboard?range={s}")),
            .. Spans.Select(s => new Page(Dashboard, $"failures, {s}", $"/dashboard/failures?range={s}")),
            new(Dashboard, "all deliveries", "/dashboard/all-deliveries"),
            .. ofServer.Select(f => new Page(Dashboard, $"all deliveries, {f.Name}", $"/dashboard/all-deliveries?{f.Address}")),
            .. new[] { "organizations", "operator-keys", "server-audit", "nodes", "settings" }.Select(p => new Page(Dashboard, p, $"/dashboard/{p}")),
            .. new[] { "bulk", "projects", "keys", "audit", "audit?target=int_1" }.Select(p => new Page(Dashboard, p, OfBig($"/dashboard/{p}"))),
            .. both.Select(p => new Page(Dashboard, p.Name, OfBig($"/dashboard/{p.Address}"))),
            .. both.Select(p => new Page(Portal, p.Name, $"/portal/{p.Address}")),
            .. new[] { 0, 1, 7 }.Select(days => new Page(Api, $"statistics of the server, {days} days", $"/stats?since={Since(days)}")),
            .. new[] { 0, 1, 7 }.Select(days => new Page(Api, $"who fails most, {days} days", $"/stats/integrations?limit=250&since={Since(days)}")),
            new(Api, "statistics of the big organization", OfBig("/stats")),
            new(Api, "statistics of an integration", OfBig($"/integrations/{integration}/stats?since={Since(7)}")),
            new(Api, "deliveries of all", "/server/deliveries"),
            new(Api, "deliveries of all, 250 rows", "/server/deliveries?limit=250"),
            new(Api, "deliveries of all, before three days ago", $"/server/deliveries?until={after}"),
            new(Api, "deliveries of all, by event", $"/server/deliveries?event={ofEvent}"),
            new(Api, "deliveries of all, by integration", $"/server/deliveries?integration={integration}"),
            .. ofServer.Select(f => new Page(Api, $"deliveries of all, {f.Name}", $"/server/deliveries?{f.Address}")),
            .. lists.Select(p => new Page(Api, p.Name, OfBig($"/{p.Address}"))),
            new(Api, "bulk: how many to retry", OfBig("/deliveries/bulk/count?action=retry")),
            new(Api, "bulk: how many to retry, of one type", OfBig("/deliveries/bulk/count?action=retry&type=job.failed")),
            new(Api, "bulk: how many to cancel", OfBig("/deliveries/bulk/count?action=cancel")),
            new(Api, "bulk: how many to replay", OfBig("/deliveries/bulk/count?action=replay")),
            new(Api, "bulk: how many to replay, of an integration", OfBig($"/deliveries/bulk/count?action=replay&integration={integration}")),
            .. new[] { "nodes", "organizations" }.Select(p => new Page(Api, p, $"/{p}")),
            .. new[] { "integrations", "projects", "api-keys", "audit" }.Select(p => new Page(Api, p, OfBig($"/{p}"))),
        ];

        string Since(int days) => At(now, days == 0 ? 1 / 24.0 : days);

        async Task<JsonElement> FirstAsync(string status)
        {
            using var found = JsonDocument.Parse(await server.Api.GetByteArrayAsync(OfBig($"/deliveries?limit=1&status={status}"), cancellationToken));
            return found.RootElement.GetProperty("data")[0].Clone();
        }
    }

    private static string OfBig(string address) => $"{address}{(address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}organization={ArchiveSeed.Big}";

    private static string At(DateTimeOffset now, double daysAgo) =>
        now.AddDays(-daysAgo).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
