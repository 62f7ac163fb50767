// POST /integrations/{id}/replay: what an integration never got, and only that.

using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Recoveries;

public sealed class ReplayTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task What_came_while_it_was_disabled_is_delivered_once_and_what_it_got_is_not_sent_again()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var filter = $"integration={integration.Text("id")}&event=";
        await customer.DeliveryAsync(filter + await customer.PublishAsync(), "succeeded");
        await EnableAsync(customer, integration, false);
        var missed = new[] { await customer.PublishAsync(), await customer.PublishAsync() };
        await EnableAsync(customer, integration, true);
        await customer.DeliveryAsync(filter + await customer.PublishAsync(), "succeeded");
        Assert.Equal(2, receiver.All.Count);

        var task = await Stock.AskAsync(customer.Admin, "replay", integration);

        Assert.Equal(("replay", 2), (task.Text("kind"), Stock.CountOf(task)));
        Assert.Equal(2, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, task, "completed")));
        foreach (var id in missed) await customer.DeliveryAsync(filter + id, "succeeded");
        Assert.Equal(missed, receiver.All.Skip(2).Select(p => p.Id).Order(StringComparer.Ordinal));
        Assert.Equal(0, Stock.CountOf(await Stock.AskAsync(customer.Admin, "replay", integration)));
    }

    [Fact]
    public async Task What_is_live_exhausted_or_cancelled_counts_as_got()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        var integration = await customer.RegisterAsync(receiver.Url, "\"retry\":{\"max_attempts\":2,\"base_seconds\":3600}");
        var filter = $"integration={integration.Text("id")}&event=";
        await customer.DeliveryAsync(filter + await customer.PublishAsync(), "failed");
        var cancelled = await customer.DeliveryAsync(filter + await customer.PublishAsync(), "failed");
        await customer.Admin.CallAsync(200, $"POST /deliveries/{cancelled.Text("id")}/cancel");
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(3);
        await stock.AddEventsAsync(1);

        Assert.Equal(1, Stock.CountOf(await Stock.AskAsync(customer.Admin, "replay", integration)));
    }

    [Fact]
    public async Task An_integration_gets_what_came_before_it_existed_by_its_types_project_and_inbox()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        string[] members = ["", "\"project\":\"p\"", "\"project\":\"p\",\"inbox\":\"i\"", "\"project\":\"default\""];
        var ids = new Dictionary<(string, int), string>();
        foreach (var type in new[] { "job.created", "invoice.made", "jobs" })
            for (var m = 0; m < members.Length; m++) ids[(type, m)] = await customer.PublishAsync(type, members: members[m]);

        await AssertReplayedAsync("", "\"*\"", [.. ids.Values]);
        await AssertReplayedAsync("", "\"job.*\",\"invoice.made\"", [.. ids.Where(e => e.Key.Item1 != "jobs").Select(e => e.Value)]);
        await AssertReplayedAsync("\"project\":\"p\"", "\"jobs\"", ids[("jobs", 1)], ids[("jobs", 2)]);
        await AssertReplayedAsync("\"project\":\"p\",\"inbox\":\"i\"", "\"*\"", ids[("job.created", 2)], ids[("invoice.made", 2)], ids[("jobs", 2)]);
        await AssertReplayedAsync("\"project\":\"default\"", "\"jobs\"", ids[("jobs", 0)], ids[("jobs", 3)]);

        async Task AssertReplayedAsync(string scope, string events, params string[] expected)
        {
            var before = receiver.All.Count;
            var integration = await customer.RegisterAsync(receiver.Url, scope, events);
            var task = await Stock.AskAsync(customer.Admin, "replay", integration);
            Assert.Equal(expected.Length, Stock.CountOf(task));
            await new Stock(api.Server.ConnectionString, integration, customer.Id).AllSucceededAsync(expected.Length);
            Assert.Equal(expected.Order(StringComparer.Ordinal), receiver.All.Skip(before).Select(p => p.Id).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Only_the_events_of_the_span_are_replayed_and_never_those_of_another_organization()
    {
        var customer = await api.CustomerAsync();
        var stranger = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await PublishAsync(customer);
        var inside = await PublishAsync(customer);
        await PublishAsync(stranger);
        var last = await PublishAsync(customer);
        var integration = await customer.RegisterAsync(receiver.Url);

        var task = await customer.Admin.CallAsync(
            202, $"POST /integrations/{integration.Text("id")}/replay",
            $$"""{"since":"{{await TimeAsync(inside)}}","until":"{{await TimeAsync(last)}}"}""");

        Assert.Equal(1, Stock.CountOf(task));
        await Stock.TaskAsync(customer.Admin, task, "completed");
        Assert.Equal(inside, Assert.Single(await receiver.WaitForAsync(1)).Id);

        // Each in a millisecond of its own.
        static async Task<string> PublishAsync(Customer customer)
        {
            var id = await customer.PublishAsync();
            Assert.True(Ids.TryParse(Ids.Event, id, out var key));
            await Eventually.TrueAsync(() => TimeProvider.System.GetUtcNow() >= Ids.TimeOf(key).AddMilliseconds(1), "the clock goes on");
            return id;
        }

        async Task<string> TimeAsync(string id) => (await customer.Admin.CallAsync(200, $"GET /events/{id}")).Text("created_at");
    }

    [Fact]
    public async Task A_test_of_one_integration_is_not_replayed_to_another()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await using var later = await Receiver.StartAsync();
        var tested = await customer.RegisterAsync(receiver.Url, events: "\"nothing\"");
        await customer.Admin.CallAsync(202, $"POST /integrations/{tested.Text("id")}/test", """{"event":"job.created"}""");
        await receiver.WaitForAsync(1);
        var real = await customer.PublishAsync("job.created");
        var integration = await customer.RegisterAsync(later.Url);

        var task = await Stock.AskAsync(customer.Admin, "replay", integration);

        Assert.Equal(1, Stock.CountOf(task));
        await Stock.TaskAsync(customer.Admin, task, "completed");
        Assert.Equal(real, Assert.Single(await later.WaitForAsync(1)).Id);
    }

    [Fact]
    public async Task An_ordered_integration_gets_what_is_replayed_in_the_order_of_the_events()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        for (var n = 0; n < 20; n++) await customer.PublishAsync(payload: $$"""{"n":{{n}}}""", members: "\"ordering_key\":\"k\"");
        var integration = await customer.RegisterAsync(receiver.Url, "\"ordering\":\"by_key\"");

        await Stock.AskAsync(customer.Admin, "replay", integration);

        await receiver.WaitForAsync(20);
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $$"""{"n":{{n}}}"""), receiver.All.Select(p => p.Text));
    }

    [Fact]
    public async Task Replays_of_one_integration_asked_for_at_once_on_two_nodes_deliver_each_event_once()
    {
        var customer = await api.CustomerAsync();
        await using var second = await TestServer.StartAsync(null!, connectionString: api.Server.ConnectionString);
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddEventsAsync(2500);
        using var there = second.ClientWith(customer.Admin.DefaultRequestHeaders.Authorization!.Parameter);

        var tasks = await Task.WhenAll(new[] { customer.Admin, there, customer.Admin, there }.Select(c => Stock.AskAsync(c, "replay", integration)));

        var done = 0L;
        foreach (var task in tasks) done += Stock.DoneOf(await Stock.TaskAsync(customer.Admin, task, "completed"));
        Assert.Equal(2500, done);
        await stock.AllSucceededAsync(2500);
        Assert.Equal(2500, receiver.All.Select(p => p.Id).Distinct().Count());
    }

    private static Task<JsonElement> EnableAsync(Customer customer, JsonElement integration, bool enabled) => customer.Admin.CallAsync(
        200, $"PATCH /integrations/{integration.Text("id")}", $$"""{"enabled":{{(enabled ? "true" : "false")}}}""");
}
