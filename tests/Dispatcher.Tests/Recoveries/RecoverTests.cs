// POST /integrations/{id}/recover: what was exhausted in a span is sent again, and nothing else is touched.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Recoveries;

public sealed class RecoverTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Twice = "\"retry\":{\"max_attempts\":2}";

    [Fact]
    public async Task Exactly_the_exhausted_of_the_span_and_the_integration_are_sent_again_with_their_attempts_numbered_on()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await MoodyAsync();
        await using var other = await Receiver.StartAsync(500);
        var integration = await customer.RegisterAsync(receiver.Url, Twice, "\"a.b\"");
        var neighbour = await customer.RegisterAsync(other.Url, Twice, "\"a.b\"");
        var filter = $"integration={integration.Text("id")}&event=";
        var early = await customer.DeliveryAsync(filter + await PublishAsync(customer, "bad"), "exhausted");
        var first = await customer.DeliveryAsync(filter + await PublishAsync(customer, "bad"), "exhausted");
        var good = await customer.DeliveryAsync(filter + await PublishAsync(customer, "good"), "succeeded");
        var given = await customer.DeliveryAsync(filter + await PublishAsync(customer, "later"), "failed");
        await customer.Admin.CallAsync(200, $"POST /deliveries/{given.Text("id")}/cancel");
        var second = await customer.DeliveryAsync(filter + await PublishAsync(customer, "bad"), "exhausted");
        var late = await customer.DeliveryAsync(filter + await PublishAsync(customer, "bad"), "exhausted");

        var posts = receiver.All.Count;
        var task = await customer.Admin.CallAsync(
            202, $"POST /integrations/{integration.Text("id")}/recover",
            $$"""{"since":"{{first.Text("created_at")}}","until":"{{late.Text("created_at")}}"}""");

        Assert.Equal(
            ["id", "kind", "integration_id", "since", "until", "count", "counting", "done", "status", "created_at", "finished_at"], task.Members());
        Assert.Equal(("recover", integration.Text("id"), 2, false), (task.Text("kind"), task.Text("integration_id"), Stock.CountOf(task), task.GetProperty("counting").GetBoolean()));
        Assert.Equal((first.Text("created_at"), late.Text("created_at")), (task.Text("since"), task.Text("until")));
        Assert.StartsWith("tsk_", task.Text("id"), StringComparison.Ordinal);
        var ended = await Stock.TaskAsync(customer.Admin, task, "completed");
        Assert.Equal((2, 2), (Stock.CountOf(ended), Stock.DoneOf(ended)));
        foreach (var delivery in new[] { first, second })
        {
            var again = await customer.DeliveryAsync(filter + delivery.Text("event_id"), "exhausted", attempts: 4);
            Assert.Equal(delivery.Text("id"), again.Text("id"));
            Assert.Equal([1, 2, 3, 4], again.GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("number").GetInt32()));
        }

        Assert.Equal([3, 3, 4, 4], receiver.All.Skip(posts).Select(p => p.Attempt).Order());
        foreach (var untouched in new[] { early, good, late })
        {
            var now = await customer.Admin.CallAsync(200, $"GET /deliveries/{untouched.Text("id")}");
            Assert.Equal(untouched.ToString(), now.ToString());
        }

        Assert.Equal("cancelled", (await customer.Admin.CallAsync(200, $"GET /deliveries/{given.Text("id")}")).Text("status"));
        Assert.All(
            (await customer.Admin.CallAsync(200, $"GET /deliveries?integration={neighbour.Text("id")}")).Data(),
            d => Assert.Equal(("exhausted", 2), (d.Text("status"), d.GetProperty("attempt_count").GetInt32())));
    }

    [Fact]
    public async Task An_ordered_integration_gets_what_is_recovered_in_the_order_of_the_events()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        var integration = await customer.RegisterAsync(receiver.Url, "\"ordering\":\"by_key\",\"retry\":{\"max_attempts\":1}", "\"a.b\"");
        for (var n = 0; n < 20; n++) await customer.PublishAsync(payload: $$"""{"n":{{n}}}""", members: "\"ordering_key\":\"k\"");
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await Eventually.TrueAsync(async () => await stock.CountAsync("exhausted") == 20, "all are exhausted");
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        };

        await Stock.AskAsync(customer.Admin, "recover", integration);

        await stock.AllSucceededAsync(20);
        Assert.Equal(Enumerable.Range(0, 20).Select(n => $$"""{"n":{{n}}}"""), receiver.All.Skip(20).Select(p => p.Text));
    }

    [Fact]
    public async Task More_than_a_step_takes_is_recovered_whole()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(2500);

        var task = await Stock.AskAsync(customer.Admin, "recover", integration);

        Assert.Equal(2500, Stock.CountOf(task));
        Assert.Equal(2500, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, task, "completed")));
        await stock.AllSucceededAsync(2500);
        Assert.All(receiver.All, p => Assert.Equal(11, p.Attempt));
        Assert.Equal(0, Stock.CountOf(await Stock.AskAsync(customer.Admin, "recover", integration)));
    }

    /// <summary>Answers as the payload asks: 500, 204, or 429 for an hour.</summary>
    private static async Task<Receiver> MoodyAsync()
    {
        var receiver = await Receiver.StartAsync();
        receiver.Answer = (post, _, context) =>
        {
            context.Response.StatusCode = post.Text.Contains("bad", StringComparison.Ordinal) ? 500 : post.Text.Contains("good", StringComparison.Ordinal) ? 204 : 429;
            if (context.Response.StatusCode == 429) context.Response.Headers.RetryAfter = "3600";
            return Task.CompletedTask;
        };
        return receiver;
    }

    private static Task<string> PublishAsync(Customer customer, string mood) => customer.PublishAsync(payload: $$"""{"mood":"{{mood}}"}""");
}
