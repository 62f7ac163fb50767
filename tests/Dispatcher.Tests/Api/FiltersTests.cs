// Every combination of the filters of /deliveries, of /server/deliveries and of /events, held against the same filters applied here to the whole list.

using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class FiltersTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>A filter as it stands in the query, and the rows that it is for.</summary>
    private sealed record Filter(string Query, Func<JsonElement, bool> Takes);

    [Fact]
    public async Task Deliveries_are_those_of_the_whole_list_that_every_filter_takes()
    {
        var customer = await api.CustomerAsync();
        await using var world = await DeliveriesAsync(customer);
        var all = await WalkAsync(customer.Admin, "/deliveries", [], 250);
        Assert.Equal(["cancelled", "exhausted", "failed", "pending", "succeeded"], all.Select(d => d.Text("status")).Distinct().Order(StringComparer.Ordinal));
        using var member = await customer.ClientAsync("member", "p");
        var ofProject = all.Where(d => d.GetProperty("project").GetString() == "p").ToList();
        Assert.InRange(ofProject.Count, 3, all.Count - 3);

        // Two deliveries as examples: some combinations of their members find them, mixtures of both find others or none.
        foreach (var (one, other) in new[] { (all[3], all[3]), (all[all.Count / 2], all[all.Count / 2]), (all[^4], all[6]) })
        {
            Filter[] filters =
            [
                Equal("integration", "integration_id", one), Equal("event", "event_id", other), Equal("type", "event_type", one),
                Equal("status", "status", other), Since(all[^3]), Until(all[2]),
            ];
            foreach (var subset in Subsets(filters))
            {
                await AssertListAsync(customer.Admin, "/deliveries", all, subset);
                await AssertListAsync(member, "/deliveries", ofProject, subset);
            }
        }
    }

    [Fact]
    public async Task Deliveries_of_each_status_are_found_with_every_other_filter()
    {
        var customer = await api.CustomerAsync();
        await using var world = await DeliveriesAsync(customer);
        var all = await WalkAsync(customer.Admin, "/deliveries", [], 250);

        foreach (var one in all.DistinctBy(d => (d.Text("status"), d.Text("event_type"))))
        {
            var status = Equal("status", "status", one);
            await AssertListAsync(customer.Admin, "/deliveries", all, [status]);
            foreach (var filter in new[]
            {
                Equal("integration", "integration_id", one), Equal("event", "event_id", one), Equal("type", "event_type", one), Since(one), Until(one),
            }) await AssertListAsync(customer.Admin, "/deliveries", all, [status, filter]);
        }
    }

    [Fact]
    public async Task Deliveries_of_all_organizations_are_those_of_each_merged_and_every_filter_takes_its_own()
    {
        const string list = "/server/deliveries";
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var world = await DeliveriesAsync(customer);
        await using var another = await DeliveriesAsync(other);
        var all = await WalkAsync(api.Operator, list, [], 250);
        // Other tests' organizations have deliveries here, too.
        var merged = new List<(string Organization, JsonElement Delivery)>();
        foreach (var organization in (await api.Operator.CallAsync(200, "GET /organizations?limit=250")).Data().Select(o => o.Text("id")))
            merged.AddRange((await WalkAsync(api.Operator, "/deliveries", [new($"organization={organization}", _ => true)], 250)).Select(d => (organization, d)));
        Assert.Equal(merged.OrderByDescending(d => d.Delivery.Text("id"), StringComparer.Ordinal).Select(d => (d.Organization, d.Delivery.Text("id"))), all.Select(d => (d.Text("organization"), d.Text("id"))));
        Assert.All(merged, d => Assert.All(
            d.Delivery.EnumerateObject(), m => Http.AssertJson(m.Value.GetRawText(), all.Single(row => row.Text("id") == d.Delivery.Text("id")).GetProperty(m.Name))));

        var ofOther = all.First(d => d.Text("organization") == other.Id);
        foreach (var (one, two) in new[] { (all[3], all[3]), (all[^4], ofOther) })
        {
            Filter[] filters =
            [
                Equal("organization", "organization", one), Equal("integration", "integration_id", one), Equal("event", "event_id", two), Equal("type", "event_type", one),
                Equal("status", "status", two), Since(all[^3]), Until(all[2]),
            ];
            foreach (var subset in Subsets(filters)) await AssertListAsync(api.Operator, list, all, subset);
        }
    }

    [Fact]
    public async Task Events_are_those_of_the_whole_list_that_every_filter_takes()
    {
        var customer = await api.CustomerAsync();
        var n = 0;
        foreach (var type in new[] { "a.b", "a.c", "a.b", "b" })
            foreach (var project in new[] { "", "\"project\":\"p\",", "\"project\":\"default\"," })
                foreach (var inbox in new[] { "", "\"inbox\":\"i\",", "\"inbox\":\"j\"," })
                    await customer.PublishAsync(type, members: $"{project}{inbox}\"id\":\"e{n++}\"");
        var all = await WalkAsync(customer.Admin, "/events", [], 250);
        Assert.Equal(36, all.Count);
        using var member = await customer.ClientAsync("member", "p");
        var ofProject = all.Where(e => ProjectOf(e) == "p").ToList();

        foreach (var one in new[] { all[4], all[13], all[29] })
        {
            Filter[] filters =
            [
                Equal("type", "type", one), new($"project={ProjectOf(one)}", e => ProjectOf(e) == ProjectOf(one)),
                // A filter that is empty is none.
                one.GetProperty("inbox").GetString() is { } inbox ? new($"inbox={inbox}", e => e.GetProperty("inbox").GetString() == inbox) : new("inbox=", _ => true),
                Since(all[^3]), Until(all[2]),
            ];
            foreach (var subset in Subsets(filters))
            {
                await AssertListAsync(customer.Admin, "/events", all, subset);
                await AssertListAsync(member, "/events", ofProject, subset);
            }
        }
    }

    /// <summary>Deliveries in every state that lasts: two types, three integrations, two projects.</summary>
    private static async Task<Receivers> DeliveriesAsync(Customer customer)
    {
        var world = new Receivers(await Receiver.StartAsync(), await Receiver.StartAsync(500));
        await customer.RegisterAsync(world.Good.Url, events: "\"a.*\"");
        await customer.RegisterAsync(world.Bad.Url, "\"retry\":{\"max_attempts\":1}", "\"a.*\"");
        // The head of each key waits an hour for its retry, and those behind it for their first attempt.
        var patient = (await customer.RegisterAsync(world.Bad.Url, "\"ordering\":\"by_key\",\"retry\":{\"base_seconds\":3600}", "\"a.*\"")).Text("id");
        string[] members = ["\"ordering_key\":\"k\"", "\"project\":\"p\",\"ordering_key\":\"k\"", "\"project\":\"p\",\"ordering_key\":\"l\"", "\"project\":\"p\""];
        for (var i = 0; i < 8; i++) await customer.PublishAsync(i % 3 == 0 ? "a.b" : "a.c", members: members[i % 4]);

        await Eventually.TrueAsync(
            async () => (await WalkAsync(customer.Admin, "/deliveries", [], 250)).TrueForAll(d => d.Text("integration_id") == patient
                ? d.Text("status") == "failed" || (d.Text("status") == "pending" && d.GetProperty("next_attempt_at").ValueKind == JsonValueKind.Null)
                : d.Text("status") is "succeeded" or "exhausted"), "nothing changes any more");
        foreach (var waiting in (await customer.Admin.CallAsync(200, $"GET /deliveries?integration={patient}&status=failed")).Data().Where(
            d => d.GetProperty("project").GetString() == "p").SkipLast(1)) await customer.Admin.CallAsync(200, $"POST /deliveries/{waiting.Text("id")}/cancel");
        return world;
    }

    private sealed record Receivers(Receiver Good, Receiver Bad) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Good.DisposeAsync();
            await Bad.DisposeAsync();
        }
    }

    private static string ProjectOf(JsonElement row) => row.GetProperty("project").GetString() ?? "default";

    private static Filter Equal(string name, string member, JsonElement example) =>
        new($"{name}={example.Text(member)}", row => row.Text(member) == example.Text(member));

    /// <summary>From the example's time on; times of one form compare as text.</summary>
    private static Filter Since(JsonElement example) =>
        new($"since={example.Text("created_at")}", row => string.CompareOrdinal(row.Text("created_at"), example.Text("created_at")) >= 0);

    /// <summary>Before the example's time.</summary>
    private static Filter Until(JsonElement example) =>
        new($"until={example.Text("created_at")}", row => string.CompareOrdinal(row.Text("created_at"), example.Text("created_at")) < 0);

    private static IEnumerable<Filter[]> Subsets(Filter[] filters) =>
        Enumerable.Range(0, 1 << filters.Length).Select(bits => filters.Where((_, i) => (bits & (1 << i)) != 0).ToArray());

    private static async Task AssertListAsync(HttpClient client, string list, List<JsonElement> all, Filter[] filters)
    {
        var expected = all.Where(row => Array.TrueForAll(filters, f => f.Takes(row))).Select(row => row.Text("id"));
        var found = (await WalkAsync(client, list, filters, limit: 3)).Select(row => row.Text("id"));
        Assert.True(expected.SequenceEqual(found), $"{list}?{Query(filters)}\nexpected {string.Join(' ', expected)}\n     got {string.Join(' ', found)}");
    }

    private static async Task<List<JsonElement>> WalkAsync(HttpClient client, string list, Filter[] filters, int limit)
    {
        var rows = new List<JsonElement>();
        for (var cursor = ""; cursor is not null;)
        {
            var page = await client.CallAsync(200, $"GET {list}?{Query(filters)}&limit={limit}{cursor}");
            Assert.DoesNotContain(page.Data(), row => rows.Exists(r => r.Text("id") == row.Text("id")));
            rows.AddRange(page.Data());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }

        return rows;
    }

    private static string Query(Filter[] filters) => string.Join('&', filters.Select(f => f.Query));
}
