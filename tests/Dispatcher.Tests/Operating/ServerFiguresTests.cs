// What operators read of the whole server: GET /stats, /stats/integrations and /nodes, held against what is known to have happened.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Operating;

public sealed class ServerFiguresTests(ServerWorld world, PostgresFixture postgres) : IClassFixture<ServerWorld>
{
    [Fact]
    public async Task The_whole_server_is_the_sum_of_its_organizations()
    {
        var stats = await world.Operator.CallAsync(200, "GET /stats");

        Assert.Equal(
            ["organization", "project", "since", "until", "resolution", "accepted", "attempts", "deliveries", "success_rate", "latency_ms", "queue", "series"],
            stats.Members());
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (stats.GetProperty("organization").ValueKind, stats.GetProperty("project").ValueKind));
        Http.AssertJson("""{"events":11,"deliveries":11}""", stats.GetProperty("accepted"));
        Http.AssertJson("""{"total":21,"succeeded":5,"failed":16,"by_outcome":{"succeeded":5,"server_error":16}}""", stats.GetProperty("attempts"));
        Http.AssertJson("""{"total":10,"succeeded":5,"exhausted":5,"cancelled":0}""", stats.GetProperty("deliveries"));
        Assert.Equal(5 / 21d, stats.GetProperty("success_rate").GetDouble(), 0.0001);
        // What waits is due in an hour.
        Http.AssertJson("""{"depth":1,"depth_is_more":false,"oldest_due_at":null}""", stats.GetProperty("queue"));
        var latency = stats.GetProperty("latency_ms");
        double[] percentiles = [.. new[] { "p50", "p95", "p99" }.Select(p => latency.GetProperty(p).GetDouble())];
        Assert.Equal(percentiles.Order(), percentiles);
        Assert.InRange(percentiles[0], 0.001, 60_000);
        Assert.InRange(latency.GetProperty("mean").GetDouble(), 0.001, 60_000);
    }

    [Fact]
    public async Task Each_organization_has_its_own_figures_and_reads_them_itself()
    {
        var acme = await world.Operator.CallAsync(200, $"GET /stats?organization={world.Acme.Id}");
        var globex = await world.Operator.CallAsync(200, $"GET /stats?organization={world.Globex.Id}");

        Assert.Equal((world.Acme.Id, world.Globex.Id), (acme.Text("organization"), globex.Text("organization")));
        Http.AssertJson("""{"events":7,"deliveries":7}""", acme.GetProperty("accepted"));
        Http.AssertJson("""{"events":4,"deliveries":4}""", globex.GetProperty("accepted"));
        Http.AssertJson("""{"total":13,"succeeded":3,"failed":10,"by_outcome":{"succeeded":3,"server_error":10}}""", acme.GetProperty("attempts"));
        Http.AssertJson("""{"total":8,"succeeded":2,"failed":6,"by_outcome":{"succeeded":2,"server_error":6}}""", globex.GetProperty("attempts"));
        Http.AssertJson("""{"total":6,"succeeded":3,"exhausted":3,"cancelled":0}""", acme.GetProperty("deliveries"));
        Http.AssertJson("""{"total":4,"succeeded":2,"exhausted":2,"cancelled":0}""", globex.GetProperty("deliveries"));
        Assert.Equal((1, 0), (DepthOf(acme), DepthOf(globex)));
        var own = await world.Acme.Admin.CallAsync(200, "GET /stats");
        foreach (var member in new[] { "organization", "accepted", "attempts", "deliveries", "success_rate", "queue" })
            Http.AssertJson(acme.GetProperty(member).GetRawText(), own.GetProperty(member));
        await world.Acme.Admin.RefusalAsync(404, $"GET /stats?organization={world.Globex.Id}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("?since={0}")]
    public async Task The_points_of_the_series_add_up_to_the_totals(string query)
    {
        var hour = TimeProvider.System.GetUtcNow().AddMinutes(-30);
        var stats = await world.Operator.CallAsync(200, "GET /stats" + string.Format(null, System.Text.CompositeFormat.Parse(query), hour.ToString("yyyy-MM-ddTHH:mm:ssZ", null)));

        Assert.Equal(query.Length == 0 ? "hour" : "minute", stats.Text("resolution"));
        var points = stats.GetProperty("series").EnumerateArray().ToList();
        Assert.Equal(["at", "accepted", "delivered", "exhausted", "succeeded", "failed", "p50", "p95", "p99"], points[0].Members());
        Assert.Equal(
            [11, 5, 5, 5, 16], new[] { "accepted", "delivered", "exhausted", "succeeded", "failed" }.Select(name => points.Sum(p => p.GetProperty(name).GetInt64())));
        Assert.All(points, p => Assert.Equal(
            p.GetProperty("succeeded").GetInt64() + p.GetProperty("failed").GetInt64() == 0, p.GetProperty("p95").ValueKind == JsonValueKind.Null));
    }

    [Fact]
    public async Task What_is_due_and_not_sent_shows_since_when()
    {
        await using var server = new ApiServer(postgres);
        await server.InitializeAsync();
        var customer = await server.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var release = receiver.HoldFirst();
        await customer.RegisterAsync(receiver.Url, "\"max_concurrency\":1");
        var before = TimeProvider.System.GetUtcNow();
        for (var i = 0; i < 3; i++) await customer.PublishAsync();
        await receiver.WaitForAsync(1);

        foreach (var scope in new[] { $"?organization={customer.Id}", "" })
        {
            var queue = (await server.Operator.CallAsync(200, $"GET /stats{scope}")).GetProperty("queue");
            Assert.Equal(3, queue.GetProperty("depth").GetInt32());
            // Times on the wire have milliseconds.
            Assert.InRange(queue.GetProperty("oldest_due_at").GetDateTimeOffset(), before.AddMilliseconds(-1), TimeProvider.System.GetUtcNow());
        }

        release.SetResult();
        await receiver.WaitForAsync(3);
        await Eventually.TrueAsync(async () => DepthOf(await server.Operator.CallAsync(200, "GET /stats")) == 0, "the queue is empty");
        var after = (await server.Operator.CallAsync(200, "GET /stats")).GetProperty("queue");
        Assert.Equal(JsonValueKind.Null, after.GetProperty("oldest_due_at").ValueKind);
    }

    [Fact]
    public async Task Who_fails_most_comes_first_and_who_never_fails_not_at_all()
    {
        var ranking = await world.Operator.CallAsync(200, "GET /stats/integrations");
        // Since when one fails is noted a moment after the attempt is counted.
        await Eventually.TrueAsync(
            async () => (ranking = await world.Operator.CallAsync(200, "GET /stats/integrations")).Data().All(r => r.GetProperty("failing_since").ValueKind == JsonValueKind.String),
            "each of them fails since some time");

        Assert.Equal(["organization", "since", "until", "data"], ranking.Members());
        Assert.Equal(JsonValueKind.Null, ranking.GetProperty("organization").ValueKind);
        var rows = ranking.Data();
        Assert.Equal(world.Failing, rows.Select(r => r.Text("integration_id")));
        Assert.Equal([(9, 0, 3), (6, 0, 2), (1, 0, 0)], rows.Select(r => (Number(r, "failed"), Number(r, "succeeded"), Number(r, "exhausted"))));
        Assert.Equal([world.Acme.Id, world.Globex.Id, world.Acme.Id], rows.Select(r => r.Text("organization")));
        Assert.Equal(["Never", "Twice", null], rows.Select(r => r.GetProperty("name").GetString()));
        Assert.Equal(["default", null, null], rows.Select(r => r.GetProperty("project").GetString()));
        Assert.All(rows, r =>
        {
            Assert.Equal((world.Bad.ToString(), 0d, true), (r.Text("target"), r.GetProperty("success_rate").GetDouble(), r.GetProperty("enabled").GetBoolean()));
            Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (r.GetProperty("disabled_reason").ValueKind, r.GetProperty("breaker_open_until").ValueKind));
            Assert.True(r.GetProperty("failing_since").GetDateTimeOffset() <= TimeProvider.System.GetUtcNow());
        });
    }

    [Fact]
    public async Task The_ranking_is_cut_by_limit_organization_and_span()
    {
        Assert.Equal(world.Failing.Take(2), await RankedAsync("limit=2"));
        Assert.Equal([world.Failing[0], world.Failing[2]], await RankedAsync($"organization={world.Acme.Id}"));
        Assert.Equal([world.Failing[1]], await RankedAsync($"organization={world.Globex.Id}&limit=250"));
        Assert.Empty(await RankedAsync("organization=default"));
        var yesterday = TimeProvider.System.GetUtcNow().AddDays(-1);
        Assert.Empty(await RankedAsync($"since={yesterday.AddDays(-1):yyyy-MM-ddTHH:mm:ssZ}&until={yesterday:yyyy-MM-ddTHH:mm:ssZ}"));
        await world.Operator.RefusalAsync(404, "GET /stats/integrations?organization=nobody");
        foreach (var (query, member) in new[] { ("limit=0", "limit"), ("limit=251", "limit"), ("limit=x", "limit"), ("since=today", "since"), ("until=now", "until"), ("since=2999-01-01T00:00:00Z", "since") })
            await world.Operator.RefusalAsync(422, $"GET /stats/integrations?{query}", null, member);
    }

    [Fact]
    public async Task An_integration_that_was_switched_off_is_ranked_and_one_that_was_deleted_is_not()
    {
        await using var server = new ApiServer(postgres);
        await server.InitializeAsync();
        await using var receiver = await Receiver.StartAsync(500);
        var customer = await server.CustomerAsync();
        var off = (await customer.RegisterAsync(receiver.Url, "\"retry\":{\"max_attempts\":1}", "\"a.off\"")).Text("id");
        var gone = (await customer.RegisterAsync(receiver.Url, "\"retry\":{\"max_attempts\":1}", "\"a.gone\"")).Text("id");
        foreach (var type in new[] { "a.off", "a.gone" }) await customer.DeliveryAsync($"event={await customer.PublishAsync(type)}", "exhausted");
        await Eventually.TrueAsync(async () => (await server.Operator.CallAsync(200, "GET /stats/integrations")).Data().Count == 2, "both are ranked");

        await customer.Admin.CallAsync(200, $"PATCH /integrations/{off}", """{"enabled":false}""");
        await customer.Admin.CallAsync(204, $"DELETE /integrations/{gone}");

        var row = Assert.Single((await server.Operator.CallAsync(200, "GET /stats/integrations")).Data());
        Assert.Equal((off, false), (row.Text("integration_id"), row.GetProperty("enabled").GetBoolean()));
    }

    [Fact]
    public async Task Nodes_say_what_they_are_and_whether_they_are_heard()
    {
        var records = new Records(world.Server.ConnectionString);
        List<JsonElement> nodes = [];
        // The next sweep takes a silent one away.
        await Eventually.TrueAsync(async () =>
        {
            await records.ExecuteAsync(
                """
                INSERT INTO dispatcher.node (name, roles, version, started_at, heartbeat_at, in_memory, in_flight)
                VALUES ('worker-7/4711', 'worker', '0.9.1', now() - interval '2 hours', now() - interval '11 seconds', 12, 3)
                """);
            nodes = (await world.Operator.CallAsync(200, "GET /nodes")).Data();
            return nodes[0].Text("name") == "worker-7/4711";
        }, "the silent node is listed");

        Assert.Equal(["id", "name", "host", "roles", "version", "started_at", "heartbeat_at", "in_memory", "in_flight", "live"], nodes[0].Members());
        Assert.Equal(("worker-7", "0.9.1", 12, 3, false), (nodes[0].Text("host"), nodes[0].Text("version"), Number(nodes[0], "in_memory"), Number(nodes[0], "in_flight"), nodes[0].GetProperty("live").GetBoolean()));
        Assert.Equal("""["worker"]""", nodes[0].GetProperty("roles").GetRawText());
        var own = nodes[^1];
        Assert.Equal(
            (Environment.MachineName, $"{Environment.MachineName}/{Environment.ProcessId}", true),
            (own.Text("host"), own.Text("name"), own.GetProperty("live").GetBoolean()));
        Assert.Equal("""["api","worker"]""", own.GetProperty("roles").GetRawText());
        Assert.InRange(TimeProvider.System.GetUtcNow() - own.GetProperty("heartbeat_at").GetDateTimeOffset(), TimeSpan.FromSeconds(-5), TimeSpan.FromSeconds(10));
    }

    private async Task<List<string>> RankedAsync(string query) =>
        (await world.Operator.CallAsync(200, $"GET /stats/integrations?{query}")).Data().ConvertAll(r => r.Text("integration_id"));

    private static int DepthOf(JsonElement stats) => Number(stats.GetProperty("queue"), "depth");

    private static int Number(JsonElement json, string member) => json.GetProperty(member).GetInt32();
}
