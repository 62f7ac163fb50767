// Tasks of recover and replay: what is refused, who sees them, how they wait, end early, fail, and are forgotten.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Recoveries;

public sealed class TaskTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string NoTask = "tsk_00000000000070008000000000000000";

    [Theory]
    [InlineData("{}", "since")]
    [InlineData("""{"since":null,"until":"2026-01-01T00:00:00Z"}""", "since")]
    [InlineData("""{"since":"yesterday"}""", "since")]
    [InlineData("""{"since":"2026-01-01T00:00:00"}""", "since")]
    [InlineData("""{"since":"9000-01-01T00:00:00Z"}""", "since")]
    [InlineData("""{"since":"2026-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}""", "until")]
    [InlineData("""{"since":"2026-01-01T00:00:00Z","until":"2025-01-01T00:00:00Z"}""", "until")]
    [InlineData("""{"since":"2026-01-01T00:00:00Z","till":"2026-01-02T00:00:00Z"}""", "till")]
    public async Task A_span_that_is_none_is_refused_by_the_name_of_the_member(string body, string member)
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");
        foreach (var kind in new[] { "recover", "replay" })
            await customer.Admin.RefusalAsync(422, $"POST /integrations/{id}/{kind}", body, member);
    }

    [Fact]
    public async Task An_end_in_the_future_is_now()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");

        var task = await customer.Admin.CallAsync(
            202, $"POST /integrations/{id}/recover", """{"since":"0001-01-01T00:00:00Z","until":"9999-12-31T23:59:59Z"}""");

        Assert.Equal("0001-01-01T00:00:00.000Z", task.Text("since"));
        Assert.InRange((TimeProvider.System.GetUtcNow() - task.GetProperty("until").GetDateTimeOffset()).TotalSeconds, -1, 60);
    }

    [Fact]
    public async Task Whoever_may_not_change_an_integration_may_not_recover_it_and_others_do_not_see_it()
    {
        var customer = await api.CustomerAsync();
        var stranger = await api.CustomerAsync();
        const string span = """{"since":"2026-01-01T00:00:00Z"}""";
        var integration = await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"project\":\"p\"");
        var task = await Stock.AskAsync(customer.Admin, "recover", integration);
        var path = $"/integrations/{integration.Text("id")}";
        using var member = await customer.ClientAsync("member");
        using var emitter = await customer.ClientAsync("emitter");
        using var own = await customer.ClientAsync("admin", "p");
        using var other = await customer.ClientAsync("admin", "q");

        foreach (var (call, body) in new[] { ($"POST {path}/recover", span), ($"POST {path}/replay", span), ($"POST {path}/tasks/{task.Text("id")}/cancel", "{}") })
        {
            await api.Server.ClientWith(null).RefusalAsync(401, call, body);
            await member.RefusalAsync(403, call, body);
            await emitter.RefusalAsync(403, call, body);
            await other.RefusalAsync(404, call, body);
            await stranger.Admin.RefusalAsync(404, call, body);
            await api.Operator.RefusalAsync(404, call, body);
        }

        foreach (var call in new[] { $"GET {path}/tasks", $"GET {path}/tasks/{task.Text("id")}" })
        {
            await emitter.RefusalAsync(403, call);
            await other.RefusalAsync(404, call);
            await stranger.Admin.RefusalAsync(404, call);
            await member.CallAsync(200, call);
            await own.CallAsync(200, call);
            await api.Operator.CallAsync(200, $"{call}?organization={customer.Id}");
        }

        await own.CallAsync(202, $"POST {path}/recover", span);
        await api.Operator.CallAsync(202, $"POST {path}/replay?organization={customer.Id}", span);
        var sibling = await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"));
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{sibling.Text("id")}/tasks/{task.Text("id")}");
        await customer.Admin.RefusalAsync(404, $"GET {path}/tasks/{NoTask}");
        await customer.Admin.RefusalAsync(404, $"POST {path}/tasks/{NoTask}/cancel");
        await customer.Admin.RefusalAsync(404, $"POST {path}/tasks/tsk_/cancel");
        await customer.Admin.RefusalAsync(404, "POST /integrations/int_00000000000070008000000000000000/recover", span);
    }

    [Fact]
    public async Task A_disabled_integration_is_not_recovered_and_the_answer_says_what_to_do()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"enabled\":false")).Text("id");
        foreach (var kind in new[] { "recover", "replay" })
        {
            var problem = await customer.Admin.RefusalAsync(409, $"POST /integrations/{id}/{kind}", """{"since":"2026-01-01T00:00:00Z"}""");
            Assert.Contains("Enable it", problem.Text("detail"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_same_call_under_one_idempotency_key_is_one_task()
    {
        var customer = await api.CustomerAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id")}";
        for (var i = 0; i < 2; i++)
        {
            using var answer = await customer.Admin.RequestAsync($"POST {path}/replay", """{"since":"2026-01-01T00:00:00Z"}""", idempotencyKey: "once");
            Assert.Equal(202, (int)answer.StatusCode);
        }

        Assert.Single((await customer.Admin.CallAsync(200, $"GET {path}/tasks")).Data());
    }

    [Fact]
    public async Task Tasks_are_listed_newest_first_in_pages()
    {
        var customer = await api.CustomerAsync();
        var integration = await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"));
        await Stock.AskAsync(customer.Admin, "replay", await customer.RegisterAsync(new Uri("http://127.0.0.1:9/")));
        var ids = new List<string>();
        for (var i = 0; i < 3; i++) ids.Add((await Stock.AskAsync(customer.Admin, "recover", integration)).Text("id"));
        ids.Reverse();
        var path = $"/integrations/{integration.Text("id")}/tasks";

        var first = await customer.Admin.CallAsync(200, $"GET {path}?limit=2");
        var second = await customer.Admin.CallAsync(200, $"GET {path}?limit=2&cursor={first.Text("next_cursor")}");

        Assert.Equal(ids, [.. first.Data().Concat(second.Data()).Select(t => t.Text("id"))]);
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next_cursor").ValueKind);
    }

    [Fact]
    public async Task A_task_waits_while_much_is_live_already_goes_on_afterwards_and_keeps_no_other_waiting()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, stock) = await FullAsync(customer, receiver);
        var waiting = await Stock.AskAsync(customer.Admin, "recover", full);
        var second = await Stock.AskAsync(customer.Admin, "recover", full);
        var other = await customer.RegisterAsync(receiver.Url);
        await new Stock(api.Server.ConnectionString, other, customer.Id).AddExhaustedAsync(5);
        // Its turn comes after the other's.
        await Stock.TaskAsync(customer.Admin, await Stock.AskAsync(customer.Admin, "recover", other), "completed");
        Assert.Equal(("queued", 0), (await StateAsync(customer, waiting), Stock.DoneOf(await Stock.ReadAsync(customer.Admin, waiting))));

        await stock.RemoveLiveAsync();

        Assert.Equal(10, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, waiting, "completed")));
        Assert.Equal(0, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, second, "completed")));
        await stock.AllSucceededAsync(10);
    }

    [Fact]
    public async Task A_cancelled_task_does_no_more_and_cannot_be_cancelled_again()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, stock) = await FullAsync(customer, receiver);
        var task = await Stock.AskAsync(customer.Admin, "recover", full);
        var cancel = $"POST /integrations/{full.Text("id")}/tasks/{task.Text("id")}/cancel";

        var cancelled = await customer.Admin.CallAsync(200, cancel);

        Assert.Equal(("cancelled", JsonValueKind.String), (cancelled.Text("status"), cancelled.GetProperty("finished_at").ValueKind));
        await customer.Admin.RefusalAsync(409, cancel);
        await stock.RemoveLiveAsync();
        // Were it still open, its turn would come before that of the next one.
        var replay = await Stock.AskAsync(customer.Admin, "replay", full);
        await Stock.TaskAsync(customer.Admin, replay, "completed");
        Assert.Equal(10, await stock.CountAsync("exhausted"));
        Assert.Empty(receiver.All);
    }

    [Fact]
    public async Task An_integration_that_is_disabled_meanwhile_keeps_its_task_until_it_is_enabled()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, stock) = await FullAsync(customer, receiver);
        var task = await Stock.AskAsync(customer.Admin, "recover", full);
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{full.Text("id")}", """{"enabled":false}""");
        await stock.RemoveLiveAsync();
        var other = await customer.RegisterAsync(receiver.Url);
        await Stock.TaskAsync(customer.Admin, await Stock.AskAsync(customer.Admin, "recover", other), "completed");
        Assert.Equal("queued", await StateAsync(customer, task));

        await customer.Admin.CallAsync(200, $"PATCH /integrations/{full.Text("id")}", """{"enabled":true}""");

        Assert.Equal(10, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, task, "completed")));
    }

    [Fact]
    public async Task An_integration_that_is_deleted_meanwhile_cancels_its_task()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, stock) = await FullAsync(customer, receiver);
        var task = await Stock.AskAsync(customer.Admin, "recover", full);

        await customer.Admin.CallAsync(204, $"DELETE /integrations/{full.Text("id")}");

        await customer.Admin.RefusalAsync(404, $"GET /integrations/{full.Text("id")}/tasks/{task.Text("id")}");
        await Eventually.TrueAsync(
            async () => await stock.ScalarAsync<string>($"SELECT status FROM dispatcher.task WHERE integration_id = {stock.Key}") == "cancelled",
            "the task is cancelled");
    }

    [Fact]
    public async Task A_task_whose_steps_keep_failing_is_given_up_and_says_so()
    {
        var customer = await api.CustomerAsync();
        var integration = await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"));
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(3);
        await stock.ExecuteAsync(
            $"""
            CREATE FUNCTION dispatcher.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON dispatcher.queue FOR EACH ROW WHEN (NEW.integration_id = {stock.Key}) EXECUTE FUNCTION dispatcher.refuse()
            """);
        var task = await Stock.AskAsync(customer.Admin, "recover", integration);
        // As if it had gone on like this for a while.
        await stock.ExecuteAsync($"UPDATE dispatcher.task SET failures = 9 WHERE integration_id = {stock.Key}");

        var failed = await Stock.TaskAsync(customer.Admin, task, "failed");

        Assert.Contains("log", failed.Text("error"), StringComparison.Ordinal);
        Assert.DoesNotContain("refused", failed.Text("error"), StringComparison.Ordinal);
        Assert.Equal((0, 3L), (Stock.DoneOf(failed), await stock.CountAsync("exhausted")));
    }

    [Theory]
    [InlineData("recover")]
    [InlineData("replay")]
    public async Task A_span_that_takes_too_long_to_count_is_counted_by_the_task_before_it_begins(string kind)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, stock) = await FullAsync(customer, receiver);
        await stock.AddEventsAsync(10);
        var task = await Stock.AskAsync(customer.Admin, kind, full);
        await customer.Admin.CallAsync(200, $"POST /integrations/{full.Text("id")}/tasks/{task.Text("id")}/cancel");
        // As if the caller's patience had ended before the first row.
        await stock.ExecuteAsync(
            $"""
            UPDATE dispatcher.task SET status = 'queued', finished_at = NULL, total = 0, counted_to = position, next_at = now() + interval '1 hour'
            WHERE integration_id = {stock.Key}
            """);
        Assert.True((await Stock.ReadAsync(customer.Admin, task)).GetProperty("counting").GetBoolean());
        await stock.ExecuteAsync($"UPDATE dispatcher.task SET next_at = now() WHERE integration_id = {stock.Key}");

        JsonElement counted = default;
        await Eventually.TrueAsync(
            async () => !(counted = await Stock.ReadAsync(customer.Admin, task)).GetProperty("counting").GetBoolean(), "the task is counted");

        Assert.Equal((10, 0, "running"), (Stock.CountOf(counted), Stock.DoneOf(counted), counted.Text("status")));
        await stock.RemoveLiveAsync();
        Assert.Equal(10, Stock.DoneOf(await Stock.TaskAsync(customer.Admin, task, "completed")));
    }

    [Fact]
    public async Task An_integration_has_at_most_twenty_open_tasks()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var (full, _) = await FullAsync(customer, receiver);
        for (var i = 0; i < 20; i++) await Stock.AskAsync(customer.Admin, "recover", full);

        await customer.Admin.RefusalAsync(409, $"POST /integrations/{full.Text("id")}/recover", """{"since":"2026-01-01T00:00:00Z"}""");
    }

    /// <summary>An integration with ten exhausted deliveries, and with so many live ones that its tasks wait.</summary>
    private async Task<(JsonElement, Stock)> FullAsync(Customer customer, Receiver receiver)
    {
        var integration = await customer.RegisterAsync(receiver.Url);
        var stock = new Stock(api.Server.ConnectionString, integration, customer.Id);
        await stock.AddExhaustedAsync(10);
        await stock.AddLiveAsync(9_500);
        return (integration, stock);
    }

    private static async Task<string> StateAsync(Customer customer, JsonElement task) => (await Stock.ReadAsync(customer.Admin, task)).Text("status");
}
