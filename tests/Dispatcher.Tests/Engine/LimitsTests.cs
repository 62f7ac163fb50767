// Limits of one integration, as its receiver sees them: across nodes, and when they are changed.

using System.Net.Http.Json;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Engine;

public sealed class LimitsTests(PostgresFixture postgres, ITestOutputHelper log)
{
    [Fact]
    public async Task A_rate_holds_across_two_nodes()
    {
        await using var one = await TestServer.StartAsync(postgres);
        await using var two = await TestServer.StartAsync(postgres, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync();
        await one.RegisterAsync(receiver.Url, new { rate_limit_per_second = 40 });
        var load = new Load(240);
        await load.PublishAsync(one.Client, 0, 100);
        await load.PublishAsync(two.Client, 100, 240);

        var posts = await receiver.WaitForAsync(240, TimeSpan.FromSeconds(40));
        var records = new Records(one.ConnectionString);
        await records.AllSucceededAsync(load.Count);
        var most = Rates.Most(await records.SentAsync(), TimeSpan.FromSeconds(3));
        log.WriteLine($"at most {most} within 3 s, {Rates.Overall(posts):0.0} a second over all");
        Assert.InRange(most, 1, 132);
        Assert.InRange(Rates.Overall(posts), 0, 44);
    }

    [Fact]
    public async Task A_rate_below_one_in_a_batch_is_kept_too_and_a_higher_one_takes_effect_at_once()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var id = (await server.RegisterAsync(receiver.Url, new { rate_limit_per_second = 2 })).GetProperty("id").GetString();
        await new Load(100).PublishAsync(server.Client);
        await receiver.WaitForAsync(7);
        Assert.InRange(Rates.Most(await new Records(server.ConnectionString).SentAsync(), TimeSpan.FromSeconds(2)), 1, 5);

        await ChangeAsync(server, id, new { rate_limit_per_second = 1000 });
        await receiver.WaitForAsync(100, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task An_unlimited_integration_asks_for_nothing()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await new Load(100).PublishAsync(server.Client);
        await receiver.WaitForAsync(100);

        Assert.Equal(0, await new Records(server.ConnectionString).ScalarAsync<long>(
            "SELECT (SELECT count(*) FROM dispatcher.integration_limit) + (SELECT count(*) FROM dispatcher.concurrency_lease)"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task Concurrency_is_never_exceeded_by_two_nodes_together_and_both_nodes_events_arrive(int most)
    {
        await using var one = await TestServer.StartAsync(postgres);
        await using var two = await TestServer.StartAsync(postgres, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync();
        var gauge = new Gauge(receiver, TimeSpan.FromMilliseconds(15));
        await one.RegisterAsync(receiver.Url, new { max_concurrency = most });
        var load = new Load(200);
        await Task.WhenAll(load.PublishAsync(one.Client, 0, 100), load.PublishAsync(two.Client, 100, 200));

        await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(30));
        log.WriteLine($"at most {gauge.Highest} at once");
        Assert.InRange(gauge.Highest, 1, most);
        await new Records(one.ConnectionString).AllSucceededAsync(load.Count);
    }

    [Fact]
    public async Task Shares_of_the_concurrency_follow_the_demand()
    {
        await using var one = await TestServer.StartAsync(postgres);
        await using var two = await TestServer.StartAsync(postgres, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync();
        _ = new Gauge(receiver, TimeSpan.FromMilliseconds(50));
        await one.RegisterAsync(receiver.Url, new { max_concurrency = 8 });
        var records = new Records(one.ConnectionString);
        var load = new Load(2000);
        await load.PublishAsync(one.Client, 0, 100);
        await Eventually.TrueAsync(async () => await GrantsAsync(records) == "8", "one node has it all");

        await load.PublishAsync(two.Client, 100, 2000);
        await Eventually.TrueAsync(async () => await GrantsAsync(records) == "4,4", "both have half");
    }

    [Fact]
    public async Task A_lower_concurrency_takes_effect_while_the_lane_is_busy()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var gauge = new Gauge(receiver, TimeSpan.FromMilliseconds(30));
        var id = (await server.RegisterAsync(receiver.Url, new { max_concurrency = 16 })).GetProperty("id").GetString();
        await new Load(1500).PublishAsync(server.Client);
        await Eventually.TrueAsync(() => gauge.Highest == 16, "all of it is used");

        await ChangeAsync(server, id, new { max_concurrency = 2 });
        // The lane hears of it a moment later, and what was under way may end.
        await Eventually.TrueAsync(async () => await HighestOfNextAsync(10) <= 2, "the lower limit is in force");
        Assert.InRange(await HighestOfNextAsync(40), 1, 2);

        async Task<int> HighestOfNextAsync(int posts)
        {
            gauge.Reset();
            await receiver.WaitForAsync(receiver.All.Count + posts);
            return gauge.Highest;
        }
    }

    [Fact]
    public async Task A_limit_that_is_taken_away_is_gone_while_the_lane_is_busy()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var gauge = new Gauge(receiver, TimeSpan.FromMilliseconds(30));
        var id = (await server.RegisterAsync(receiver.Url, new { max_concurrency = 1, rate_limit_per_second = 5 })).GetProperty("id").GetString();
        await new Load(500).PublishAsync(server.Client);
        await receiver.WaitForAsync(3);
        Assert.Equal(1, gauge.Highest);

        await ChangeAsync(server, id, new { max_concurrency = (int?)null, rate_limit_per_second = (int?)null });
        await receiver.WaitForAsync(500, TimeSpan.FromSeconds(10));
        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.concurrency_lease") == 0, "no permits are left");
    }

    [Fact]
    public async Task Permits_outlive_the_identity_that_they_were_given_to()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var gauge = new Gauge(receiver, TimeSpan.FromMilliseconds(20));
        await server.RegisterAsync(receiver.Url, new { max_concurrency = 3 });
        var load = new Load(600);
        await load.PublishAsync(server.Client);
        await receiver.WaitForAsync(10);
        var nodes = (Dispatcher.Dispatching.NodeRegistry)server.Services.GetService(typeof(Dispatcher.Dispatching.NodeRegistry))!;
        nodes.Retire(nodes.Current!);

        await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(30));
        Assert.Equal(3, gauge.Highest);
        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.node") == 1, "the retired identity is removed");
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_tokens()
    {
        await using var receiver = await Receiver.StartAsync();
        long began;
        await using (var server = await TestServer.StartAsync(postgres))
        {
            await server.RegisterAsync(receiver.Url, new { rate_limit_per_second = 1 });
            await new Load(100).PublishAsync(server.Client);
            await receiver.WaitForAsync(1);
            began = TimeProvider.System.GetTimestamp();
        }

        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalSeconds, 0, 15);
        Assert.InRange(receiver.All.Count, 1, 10);
    }

    [Theory]
    // One alone: all. A second: what is left, then half each once the first has let go.
    [InlineData("a 20 0 = 10 | b 20 0 = 0 | a 20 10 = 5 | b 20 0 = 0 | a 20 5 = 5 | b 20 0 = 5")]
    // One permit: who has it keeps it while it is wanted, and the next gets it when it is not.
    [InlineData("a 20 0 = 1 | b 20 0 = 0 | c 20 0 = 0 | a 20 1 = 1 | b 20 0 = 0 | a 0 1 = 0 | a 0 0 = 0 | c 20 0 = 1 | b 20 0 = 0", 1)]
    // Little wanted: the rest goes to the other; and what nobody wants may be kept.
    [InlineData("a 3 0 = 3 | b 20 0 = 7 | a 0 3 = 0 | a 0 0 = 0 | b 20 7 = 10 | b 0 10 = 10 | a 2 0 = 0 | b 0 10 = 8 | b 0 8 = 8 | a 2 0 = 2")]
    // Of three that want much the shares are equal, but for what does not come out even.
    [InlineData("a 9 0 = 9 | b 9 0 = 1 | c 9 0 = 0 | a 9 9 = 4 | a 9 4 = 4 | b 9 1 = 3 | c 9 0 = 3")]
    public async Task Permits_are_shared_out_step_by_step(string story, int most = 10)
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url, new { max_concurrency = most });
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        foreach (var name in new[] { "a", "b", "c" })
            await new Records(server.ConnectionString).ExecuteAsync($"INSERT INTO dispatcher.node (name, roles, version, heartbeat_at) VALUES ('{name}', 'worker', '0', now() + interval '1 hour')");

        foreach (var step in story.Split(" | "))
        {
            var words = step.Split(' ');
            var granted = await new Records(server.ConnectionString).ScalarAsync<int>(
                $"""
                SELECT permits FROM dispatcher.integration i, dispatcher.lease_permits(
                    (SELECT id FROM dispatcher.node WHERE name = '{words[0]}'), '{"{}"}', ARRAY[i.organization_id], ARRAY[i.id], ARRAY[{words[1]}], ARRAY[{words[2]}])
                """);
            Assert.Equal($"{words[0]} {words[1]} {words[2]} = {granted}", step);
        }
    }

    private static async Task<string> GrantsAsync(Records records) =>
        await records.ScalarAsync<string>("SELECT coalesce(string_agg(granted::text, ',' ORDER BY granted), '') FROM dispatcher.concurrency_lease");

    private static async Task ChangeAsync(TestServer server, string? id, object patch)
    {
        using var answer = await server.Client.PatchAsJsonAsync($"/integrations/{id}", patch);
        await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.OK);
    }
}
