// Limits of one integration while server processes join, and are killed.

using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class LimitsAcrossNodesTests(PostgresFixture postgres, ITestOutputHelper log)
{
    [Fact]
    public async Task A_rate_holds_while_a_node_joins_and_another_is_killed()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await Receiver.StartAsync();
        await using var stays = await ServerProcess.StartAsync(database);
        await using var victim = await ServerProcess.StartAsync(database);
        await stays.RegisterAsync(receiver.Url, new { rate_limit_per_second = 50 });
        var load = new Load(3000);
        await load.PublishAsync(stays.Client, 0, 300);
        await load.PublishAsync(victim.Client, 300, 600);
        await receiver.WaitForAsync(100, TimeSpan.FromSeconds(30));

        await using var joins = await ServerProcess.StartAsync(database);
        await load.PublishAsync(joins.Client, 600, 1200);
        var seen = receiver.All.Count;
        await receiver.WaitForAsync(seen + 150, TimeSpan.FromSeconds(30));
        await victim.KillAsync();
        seen = receiver.All.Count;
        await receiver.WaitForAsync(seen + 200, TimeSpan.FromSeconds(30));

        var posts = receiver.All;
        var most = Rates.Most(await new Records(database).SentAsync(), TimeSpan.FromSeconds(3));
        log.WriteLine($"at most {most} within 3 s, {Rates.Overall(posts):0.0} a second over all");
        Assert.InRange(most, 1, 165);
        Assert.InRange(Rates.Overall(posts), 0, 55);
    }

    [Fact]
    public async Task The_permits_of_a_killed_node_go_to_the_others()
    {
        var database = await postgres.CreateDatabaseAsync();
        var records = new Records(database);
        await using var receiver = await Receiver.StartAsync();
        var gauge = new Gauge(receiver, TimeSpan.FromMilliseconds(60));
        await using var survivor = await ServerProcess.StartAsync(database);
        await using var victim = await ServerProcess.StartAsync(database);
        await survivor.RegisterAsync(receiver.Url, new { max_concurrency = 1 });
        var load = new Load(200);
        await load.PublishAsync(victim.Client, 0, 100);
        await receiver.WaitForAsync(1);
        await load.PublishAsync(survivor.Client, 100, 200);
        var holder = await records.ScalarAsync<string>(
            "SELECT n.name FROM dispatcher.concurrency_lease c JOIN dispatcher.node n ON n.id = c.node WHERE c.granted = 1");
        var holds = holder.EndsWith($"/{victim.Id}", StringComparison.Ordinal) ? victim : survivor;

        await holds.KillAsync();
        await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(60));
        await records.AllSucceededAsync(load.Count);
        Assert.Equal(1, gauge.Highest);
    }
}
