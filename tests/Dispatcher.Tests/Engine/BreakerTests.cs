// A circuit breaker in a running server: what it holds back, what it lets through, and whom it leaves alone.

using System.Net.Http.Json;
using System.Text.Json;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Engine;

public sealed class BreakerTests(PostgresFixture postgres)
{
    private const int Backlog = 60;

    /// <summary>Opens after 0.3 s of failures, six of them.</summary>
    private static Dictionary<string, string?> Settings(double breakSeconds = 600) => new()
    {
        ["Dispatcher:Retry:BaseSeconds"] = "0.1",
        ["Dispatcher:Breaker:StreakSeconds"] = "0.3",
        ["Dispatcher:Breaker:MinimumFailures"] = "6",
        ["Dispatcher:Breaker:BreakSeconds"] = breakSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["Dispatcher:Breaker:MaxBreakSeconds"] = "600",
    };

    [Fact]
    public async Task While_it_is_open_nothing_is_sent_and_what_waits_uses_up_no_attempts()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings());
        await using var receiver = await Receiver.StartAsync(status: 500);
        var records = new Records(server.ConnectionString);
        await using var well = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url, null, "load.made", "later");
        await server.RegisterAsync(well.Url, null, "well");
        await OpenAsync(server, records);

        var made = await AttemptsAsync(records);
        var due = await records.ScalarAsync<string>(DueSql);
        var posts = receiver.All.Count;
        for (var i = 0; i < 5; i++) await server.PublishAsync("later");
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE due_at > now()") == 0, "all retries are due");
        // Twice over, every lane is asked for, and after it one that has something to claim: the first round is over when the second has come.
        for (var round = 1; round <= 2; round++)
        {
            await records.ExecuteAsync("SELECT pg_notify('dispatcher_wake', ''); SELECT dispatcher.publish('well', '{}'::text)");
            await well.WaitForAsync(round);
        }

        Assert.Equal(posts, receiver.All.Count);
        Assert.Equal(made, await AttemptsAsync(records));
        Assert.Equal(due, await records.ScalarAsync<string>(DueSql));
        Assert.Equal(0, await records.ScalarAsync<long>(
            "SELECT count(*) FROM dispatcher.queue q JOIN dispatcher.event e ON e.id = q.event_id WHERE e.type <> 'well' AND q.owner IS NOT NULL"));
        Assert.Equal(5, await records.ScalarAsync<long>(
            "SELECT count(*) FROM dispatcher.queue q JOIN dispatcher.event e ON e.id = q.event_id WHERE e.type = 'later' AND q.attempts = 0"));
    }

    [Fact]
    public async Task A_break_ends_with_one_probe_and_one_that_fails_makes_the_next_break_twice_as_long()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings(breakSeconds: 2));
        await using var receiver = await Receiver.StartAsync(status: 500);
        var records = new Records(server.ConnectionString);
        await server.RegisterAsync(receiver.Url);
        await OpenAsync(server, records);

        var before = receiver.All.Count;
        await Eventually.TrueAsync(async () => await BreaksAsync(records) == 2, "the breaker has opened again");
        Assert.Equal(before + 1, receiver.All.Count);
        Assert.InRange(await records.ScalarAsync<double>("SELECT extract(epoch FROM open_until - now())::double precision FROM dispatcher.open_breaker"), 2, 4);
        await Eventually.TrueAsync(async () => await BreaksAsync(records) == 3, "and again");
        Assert.Equal(before + 2, receiver.All.Count);
    }

    [Fact]
    public async Task A_probe_that_succeeds_closes_it_and_the_backlog_goes_out()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings(breakSeconds: 2));
        await using var receiver = await Receiver.StartAsync(status: 500);
        var records = new Records(server.ConnectionString);
        await server.RegisterAsync(receiver.Url);
        await OpenAsync(server, records);

        receiver.Answer = Ok;
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue") == 0, "everything is delivered");
        Assert.Equal(Backlog, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.delivery WHERE status = 'succeeded'"));
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.open_breaker"));
    }

    [Fact]
    public async Task A_changed_integration_is_sent_to_at_once()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings());
        await using var broken = await Receiver.StartAsync(status: 500);
        await using var mended = await Receiver.StartAsync();
        var records = new Records(server.ConnectionString);
        var id = (await server.RegisterAsync(broken.Url)).GetProperty("id").GetString();
        await OpenAsync(server, records);

        using var answer = await server.Client.PatchAsJsonAsync($"/integrations/{id}", new { target = mended.Url });
        await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.OK);
        await mended.WaitForAsync(Backlog);
    }

    [Theory]
    [InlineData("test")]
    [InlineData("retry")]
    public async Task A_test_event_or_a_retry_by_hand_has_the_probe_made_at_once(string what)
    {
        await using var server = await TestServer.StartAsync(postgres, Settings());
        await using var receiver = await Receiver.StartAsync(status: 500);
        var records = new Records(server.ConnectionString);
        var id = (await server.RegisterAsync(receiver.Url)).GetProperty("id").GetString();
        await OpenAsync(server, records);
        receiver.Answer = Ok;

        var path = what == "test" ? $"/integrations/{id}/test" : $"/deliveries/{await AnyDeliveryAsync(server)}/retry";
        using var answer = await server.Client.PostAsync(path, what == "test" ? TestServer.Json("""{"event":"job.completed"}""") : null);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());

        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue") == 0, "everything is delivered");
    }

    [Fact]
    public async Task Another_node_sends_nothing_either_also_one_that_starts_later_and_the_probe_is_one()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings());
        await using var other = await TestServer.StartAsync(postgres, Settings(), connectionString: server.ConnectionString);
        await using var receiver = await Receiver.StartAsync(status: 500);
        var records = new Records(server.ConnectionString);
        await server.RegisterAsync(receiver.Url);
        await OpenAsync(server, records);
        var posts = receiver.All.Count;
        await using var late = await TestServer.StartAsync(postgres, Settings(), connectionString: server.ConnectionString);

        foreach (var node in new[] { other, late }) await node.PublishAsync("later");
        // Ends the break for all of them.
        using var retried = await late.Client.PostAsync($"/deliveries/{await AnyDeliveryAsync(late)}/retry", null);
        await TestServer.ReadAsync(retried, System.Net.HttpStatusCode.Accepted);
        await Eventually.TrueAsync(async () => await BreaksAsync(records) == 2, "the breaker has opened again");
        Assert.Equal(posts + 1, receiver.All.Count);
    }

    [Fact]
    public async Task A_target_that_fails_a_few_times_and_others_that_are_well_notice_nothing_of_it()
    {
        await using var server = await TestServer.StartAsync(postgres, Settings());
        await using var dead = await Receiver.StartAsync(status: 500);
        await using var flaky = await Receiver.StartAsync();
        await using var well = await Receiver.StartAsync();
        flaky.Answer = (_, n, context) =>
        {
            context.Response.StatusCode = n <= 3 ? 500 : 204;
            return Task.CompletedTask;
        };
        var records = new Records(server.ConnectionString);
        await server.RegisterAsync(dead.Url, null, "load.made");
        await server.RegisterAsync(flaky.Url, null, "flaky");
        await server.RegisterAsync(well.Url, null, "well");
        await server.PublishAsync("flaky");
        await OpenAsync(server, records);

        await flaky.WaitForAsync(4);
        for (var i = 0; i < 3; i++) await server.PublishAsync("well");
        await well.WaitForAsync(3);
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.delivery WHERE status = 'succeeded'") == 4, "those are recorded");
        Assert.Equal(1, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.open_breaker"));
    }

    private const string DueSql = "SELECT string_agg(due_at::text, ',' ORDER BY id) FROM dispatcher.queue WHERE attempts > 0";

    private static Task Ok(Received post, int number, Microsoft.AspNetCore.Http.HttpContext context)
    {
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    }

    private static Task<long> AttemptsAsync(Records records) => records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.attempt");

    private static async Task<int> BreaksAsync(Records records) => await records.ScalarAsync<int>("SELECT coalesce(max(breaks), 0) FROM dispatcher.open_breaker");

    private static async Task<string> AnyDeliveryAsync(TestServer server)
    {
        var all = (await server.GetAsync("/deliveries?status=failed")).GetProperty("data");
        return all.EnumerateArray().First().GetProperty("id").GetString()!;
    }

    /// <summary>Publishes until the breaker is open, and waits until everything that was under way is recorded and nothing is in memory.</summary>
    private static async Task OpenAsync(TestServer server, Records records)
    {
        await new Load(Backlog).PublishAsync(server.Client);
        await Eventually.TrueAsync(async () => await BreaksAsync(records) > 0, "the breaker opens");
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE owner IS NOT NULL") == 0, "nothing is under way");
    }
}
