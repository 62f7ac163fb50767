// Bulk actions: one action on all deliveries that a filter matches.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Recoveries;

public sealed class BulkTests(ApiServer api) : IClassFixture<ApiServer>
{
    private static readonly Uri Nowhere = new("http://127.0.0.1:9/");

    [Fact]
    public async Task Retry_sends_what_has_failed_for_good_or_was_cancelled_and_has_what_waits_for_a_retry_sent_now()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var exhausted = await EndedAsync(customer, receiver, "a.exhausted", "\"retry\":{\"max_attempts\":1}", "exhausted");
        var cancelled = await EndedAsync(customer, receiver, "a.cancelled", "\"retry\":{\"base_seconds\":3600}", "failed", cancel: true);
        var waiting = await EndedAsync(customer, receiver, "a.waiting", "\"retry\":{\"base_seconds\":3600}", "failed");
        await customer.RegisterAsync(receiver.Url, events: "\"a.arrived\"");
        var arrived = await customer.PublishAsync("a.arrived");
        await customer.DeliveryAsync($"event={arrived}", "succeeded");

        var task = await StartAsync(customer.Admin, "retry", "{}");

        Assert.Equal((3, false), (Stock.CountOf(task), task.GetProperty("counting").GetBoolean()));
        Assert.Equal(3, Stock.DoneOf(await EndAsync(customer.Admin, task)));
        foreach (var id in new[] { exhausted, cancelled, waiting })
            Assert.Equal(2, (await customer.DeliveryAsync($"event={id}", "succeeded")).GetProperty("attempt_count").GetInt32());
        Assert.Single(receiver.All, p => p.Id == arrived);
    }

    [Fact]
    public async Task Replay_sends_again_what_has_arrived_as_a_further_attempt_of_the_same_delivery()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        var arrived = await customer.PublishAsync();
        var before = await customer.DeliveryAsync($"event={arrived}", "succeeded");

        await EndAsync(customer.Admin, await StartAsync(customer.Admin, "replay", """{"status":"succeeded"}"""));

        var posts = await receiver.WaitForAsync(2);
        Assert.Equal([(arrived, 1), (arrived, 2)], posts.Select(p => (p.Id, p.Attempt)));
        var after = await customer.DeliveryAsync($"event={arrived}", "succeeded", attempts: 2);
        Assert.Equal(before.Text("id"), after.Text("id"));
    }

    [Fact]
    public async Task Cancel_gives_up_what_waits_also_of_a_disabled_integration_and_it_counts_as_cancelled()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var failing = (await customer.RegisterAsync(Nowhere, "\"retry\":{\"base_seconds\":3600}")).Text("id");
        var failed = await customer.PublishAsync();
        await customer.DeliveryAsync($"event={failed}", "failed");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{failing}", """{"enabled":false}""");
        await customer.RegisterAsync(receiver.Url);
        var arrived = await customer.PublishAsync();
        await customer.DeliveryAsync($"event={arrived}", "succeeded");

        var ended = await EndAsync(customer.Admin, await StartAsync(customer.Admin, "cancel", "{}"));

        Assert.Equal((1, 1), (Stock.CountOf(ended), Stock.DoneOf(ended)));
        await customer.DeliveryAsync($"event={failed}", "cancelled");
        await customer.DeliveryAsync($"event={arrived}", "succeeded");
        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{failing}/stats");
        Assert.Equal(1, stats.GetProperty("deliveries").GetProperty("cancelled").GetInt32());
    }

    [Fact]
    public async Task Only_what_the_filter_matches_is_counted_and_touched()
    {
        var customer = await api.CustomerAsync();
        var integration = (await customer.RegisterAsync(Nowhere, "\"retry\":{\"base_seconds\":3600}", "\"a.*\"")).Text("id");
        var other = (await customer.RegisterAsync(Nowhere, "\"retry\":{\"max_attempts\":1}", "\"a.b\"")).Text("id");
        var before = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        var first = await customer.PublishAsync("a.b", members: "\"project\":\"p\"");
        var second = await customer.PublishAsync("a.c", members: "\"project\":\"q\"");
        await customer.DeliveryAsync($"event={first}&integration={integration}", "failed");
        await customer.DeliveryAsync($"event={first}&integration={other}", "exhausted");
        await customer.DeliveryAsync($"event={second}", "failed");
        using var ofP = await customer.ClientAsync("admin", "p");

        foreach (var (client, filter, retried, cancelled) in new (HttpClient, string, int, int)[]
        {
            (customer.Admin, "", 3, 2),
            (customer.Admin, $"integration={integration}", 2, 2),
            (customer.Admin, $"integration={other}", 1, 0),
            (customer.Admin, "integration=int_00000000000070008000000000000000", 0, 0),
            (customer.Admin, "type=a.b", 2, 1),
            (customer.Admin, "type=a.c", 1, 1),
            (customer.Admin, "status=failed", 2, 2),
            (customer.Admin, $"until={before:yyyy-MM-ddTHH:mm:ss.fffZ}", 0, 0),
            (customer.Admin, $"since={before:yyyy-MM-ddTHH:mm:ss.fffZ}", 3, 2),
            (ofP, "", 2, 1),
        })
        {
            Assert.Equal((filter, retried), (filter, await CountAsync(client, "retry", filter)));
            Assert.Equal((filter, cancelled), (filter, await CountAsync(client, "cancel", filter)));
        }

        Assert.Equal(1, await CountAsync(customer.Admin, "retry", "status=exhausted"));
        Assert.Equal(0, await CountAsync(customer.Admin, "replay", "status=succeeded"));

        await EndAsync(ofP, await StartAsync(ofP, "cancel", """{"type":"a.b"}"""));
        await customer.DeliveryAsync($"event={first}&integration={integration}", "cancelled");
        await customer.DeliveryAsync($"event={first}&integration={other}", "exhausted");
        await customer.DeliveryAsync($"event={second}", "failed");
    }

    [Fact]
    public async Task Thousands_in_several_places_are_each_sent_once()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(3_000);
        // Every third waits for a retry, every other third was cancelled.
        await stock.ExecuteAsync(
            $"""
            WITH numbered AS (
                SELECT organization_id, id, row_number() OVER (ORDER BY id) % 3 AS place FROM dispatcher.delivery WHERE integration_id = {stock.Key}
            ), live AS (
                DELETE FROM dispatcher.delivery d USING numbered n WHERE d.organization_id = n.organization_id AND d.id = n.id AND n.place = 1 RETURNING d.*
            ), moved AS (
                INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, retention)
                SELECT organization_id, id, event_id, integration_id, now() + interval '1 hour', 1, retention FROM live
            )
            UPDATE dispatcher.delivery d SET status = 'cancelled'
            FROM numbered n WHERE d.organization_id = n.organization_id AND d.id = n.id AND n.place = 2
            """);

        var ended = await EndAsync(customer.Admin, await StartAsync(customer.Admin, "retry", "{}"));

        Assert.Equal((3_000, 3_000), (Stock.CountOf(ended), Stock.DoneOf(ended)));
        await stock.AllSucceededAsync(3_000, TimeSpan.FromSeconds(120));
        Assert.Equal(3_000, receiver.All.Count);
    }

    [Fact]
    public async Task Integrations_that_are_disabled_are_passed_over_and_one_that_is_named_is_refused()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(Nowhere, "\"retry\":{\"max_attempts\":1}")).Text("id");
        var published = await customer.PublishAsync();
        await customer.DeliveryAsync($"event={published}", "exhausted");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{id}", """{"enabled":false}""");

        foreach (var action in new[] { "retry", "replay" })
        {
            Assert.Equal(0, Stock.DoneOf(await EndAsync(customer.Admin, await StartAsync(customer.Admin, action, "{}"))));
            await customer.Admin.RefusalAsync(409, "POST /deliveries/bulk", $$$"""{"action":"{{{action}}}","filter":{"integration":"{{{id}}}"}}""");
        }

        await customer.DeliveryAsync($"event={published}", "exhausted");
        await customer.Admin.CallAsync(202, "POST /deliveries/bulk", $$$"""{"action":"cancel","filter":{"integration":"{{{id}}}"}}""");
        await customer.Admin.RefusalAsync(404, "POST /deliveries/bulk", """{"action":"retry","filter":{"integration":"int_00000000000070008000000000000000"}}""");
    }

    [Fact]
    public async Task A_bulk_retry_waits_while_much_is_live_and_does_no_more_when_it_is_cancelled()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(10);
        await stock.AddLiveAsync(9_500);
        var filter = $$"""{"integration":"{{integration.Text("id")}}"}""";
        var waiting = await StartAsync(customer.Admin, "retry", filter.Replace("}", ",\"status\":\"exhausted\"}", StringComparison.Ordinal));
        var second = await StartAsync(customer.Admin, "retry", filter.Replace("}", ",\"status\":\"exhausted\"}", StringComparison.Ordinal));

        var cancelled = await customer.Admin.CallAsync(200, $"POST /deliveries/bulk/{waiting.Text("id")}/cancel");

        Assert.Equal(("cancelled", 0), (cancelled.Text("status"), Stock.DoneOf(cancelled)));
        await customer.Admin.RefusalAsync(409, $"POST /deliveries/bulk/{waiting.Text("id")}/cancel");
        Assert.Equal(10, await stock.CountAsync("exhausted"));
        await stock.RemoveLiveAsync();
        Assert.Equal(10, Stock.DoneOf(await EndAsync(customer.Admin, second)));
        await stock.AllSucceededAsync(10);
    }

    [Theory]
    [InlineData("{}", "action", "filter")]
    [InlineData("""{"action":"delete","filter":{}}""", "action")]
    [InlineData("""{"action":"retry"}""", "filter")]
    [InlineData("""{"action":"retry","filter":{"status":"succeeded"}}""", "filter.status")]
    [InlineData("""{"action":"cancel","filter":{"status":"exhausted"}}""", "filter.status")]
    [InlineData("""{"action":"cancel","filter":{"status":"delivering"}}""", "filter.status")]
    [InlineData("""{"action":"replay","filter":{"status":"failed"}}""", "filter.status")]
    [InlineData("""{"action":"retry","filter":{"integration":"dlv_1","type":"a b","since":"9000-01-01T00:00:00Z"}}""", "filter.integration", "filter.type", "filter.since")]
    [InlineData("""{"action":"retry","filter":{"since":"2024-01-02T00:00:00Z","until":"2024-01-01T00:00:00Z"}}""", "filter.until")]
    public async Task What_no_action_can_be_asked_for_is_refused_by_the_name_of_the_member(string body, params string[] members)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.RefusalAsync(422, "POST /deliveries/bulk", body, members);
    }

    [Fact]
    public async Task A_bulk_action_is_seen_by_its_tenant_and_by_whoever_has_the_whole_organization()
    {
        var (customer, stranger) = (await api.CustomerAsync(), await api.CustomerAsync());
        using var ofP = await customer.ClientAsync("admin", "p");
        using var ofQ = await customer.ClientAsync("admin", "q");
        using var member = await customer.ClientAsync("member");
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/"), "\"project\":\"p\"")).Text("id");
        var mine = (await StartAsync(ofP, "retry", $$"""{"integration":"{{integration}}","since":"2024-01-01T00:00:00Z"}""")).Text("id");
        var ours = (await StartAsync(customer.Admin, "cancel", "{}")).Text("id");

        Assert.Equal([ours, mine], (await member.CallAsync(200, "GET /deliveries/bulk")).Data().Select(t => t.Text("id")));
        Assert.Equal([mine], (await ofP.CallAsync(200, "GET /deliveries/bulk")).Data().Select(t => t.Text("id")));
        Assert.Empty((await stranger.Admin.CallAsync(200, "GET /deliveries/bulk")).Data());
        var read = await ofP.CallAsync(200, $"GET /deliveries/bulk/{mine}");
        Assert.Equal(("retry", "p"), (read.Text("action"), read.Text("project")));
        Http.AssertJson(
            $$"""{"integration":"{{integration}}","type":null,"status":null,"since":"2024-01-01T00:00:00.000Z","until":"{{read.GetProperty("filter").Text("until")}}"}""",
            read.GetProperty("filter"));
        foreach (var (client, task) in new[] { (ofP, ours), (ofQ, mine), (stranger.Admin, mine) })
        {
            await client.RefusalAsync(404, $"GET /deliveries/bulk/{task}");
            await client.RefusalAsync(404, $"POST /deliveries/bulk/{task}/cancel");
        }

        await ofQ.RefusalAsync(404, "POST /deliveries/bulk", $$$"""{"action":"retry","filter":{"integration":"{{{integration}}}"}}""");
        // It is none of the integration's own tasks.
        Assert.Empty((await customer.Admin.CallAsync(200, $"GET /integrations/{integration}/tasks")).Data());
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{integration}/tasks/{mine}");
        await customer.Admin.RefusalAsync(409, $"POST /deliveries/bulk/{(await EndAsync(ofP, read)).Text("id")}/cancel");
    }

    [Fact]
    public async Task An_organization_has_at_most_twenty_open_bulk_actions_and_they_go_with_it()
    {
        var customer = await api.CustomerAsync();
        var stock = new Stock(api.Server.ConnectionString, await customer.RegisterAsync(new Uri("https://example.com/"), "\"enabled\":false"), customer.Id);
        await stock.ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, kind, statuses, until, position, bound, total, created_at, next_at)
            SELECT '{customer.Id}', dispatcher.uuid_v7(), 'bulk_retry', ARRAY['failed'], now(), dispatcher.uuid_v7(), dispatcher.uuid_v7(), 0, now(), now() + interval '1 day'
            FROM generate_series(1, 20)
            """);

        await customer.Admin.RefusalAsync(409, "POST /deliveries/bulk", """{"action":"retry","filter":{}}""");

        var integration = (await customer.Admin.CallAsync(200, "GET /integrations")).Data()[0].Text("id");
        await customer.Admin.CallAsync(204, $"DELETE /integrations/{integration}");
        await api.Operator.CallAsync(204, $"DELETE /organizations/{customer.Id}");
        Assert.Equal(0L, await stock.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.task WHERE organization_id = '{customer.Id}'"));
    }

    private static Task<JsonElement> StartAsync(HttpClient client, string action, string filter) =>
        client.CallAsync(202, "POST /deliveries/bulk", $$"""{"action":"{{action}}","filter":{{filter}} }""");

    private static async Task<int> CountAsync(HttpClient client, string action, string filter)
    {
        var counted = await client.CallAsync(200, $"GET /deliveries/bulk/count?action={action}&{filter}");
        Assert.Equal((action, false), (counted.Text("action"), counted.GetProperty("counting").GetBoolean()));
        return counted.GetProperty("count").GetInt32();
    }

    /// <summary>Waits until a bulk action has done all.</summary>
    private static async Task<JsonElement> EndAsync(HttpClient client, JsonElement task)
    {
        var last = task;
        await Eventually.TrueAsync(
            async () => (last = await client.CallAsync(200, $"GET /deliveries/bulk/{task.Text("id")}")).Text("status") == "completed",
            $"the bulk action {task.Text("id")} is completed", TimeSpan.FromSeconds(120));
        return last;
    }

    /// <summary>An event whose delivery has ended, or waits, while nobody listened; from now on the receiver does.</summary>
    private static async Task<string> EndedAsync(Customer customer, Receiver receiver, string type, string members, string status, bool cancel = false)
    {
        var integration = (await customer.RegisterAsync(Nowhere, members, $"\"{type}\"")).Text("id");
        var id = await customer.PublishAsync(type);
        var delivery = await customer.DeliveryAsync($"event={id}", status);
        if (cancel) await customer.Admin.CallAsync(200, $"POST /deliveries/{delivery.Text("id")}/cancel");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{integration}", $$"""{"target":"{{receiver.Url}}"}""");
        return id;
    }
}
