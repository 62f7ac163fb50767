// Several server processes on one database: they share the work, start together, and stand in for one that dies or falls silent.

using System.Text.Json.Nodes;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class NodesTests(PostgresFixture postgres, ITestOutputHelper log)
{
    private const int MaxConcurrency = 16;

    private static readonly (string, string) Concurrency = ("Dispatcher__Delivery__MaxConcurrency", $"{MaxConcurrency}");

    [Fact]
    public async Task Of_two_nodes_both_deliver_and_when_one_is_killed_the_other_takes_its_rows_over_within_15_seconds()
    {
        var database = await postgres.CreateDatabaseAsync();
        var records = new Records(database);
        await using var receiver = await SlowReceiverAsync();
        await using var survivor = await ServerProcess.StartAsync(database, Concurrency);
        await using var victim = await ServerProcess.StartAsync(database, Concurrency);
        await survivor.RegisterAsync(receiver.Url);
        var load = new Load(3000);
        await load.PublishAsync(survivor.Client, from: 0, to: 1000);
        await load.PublishAsync(victim.Client, from: 1000, to: 3000);
        await Eventually.TrueAsync(async () => await OwnersAsync(records) == 2, "both nodes own deliveries");
        // Both send at once: more is under way than one of them may have.
        await Eventually.TrueAsync(() => UnderWay > MaxConcurrency, "both nodes send");

        await victim.KillAsync();
        var killed = TimeProvider.System.GetTimestamp();
        var dead = await records.ScalarAsync<int>($"SELECT id FROM dispatcher.node WHERE name LIKE '%/{victim.Id}'");
        Assert.NotEqual(0, await records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.queue WHERE owner = {dead}"));
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.queue WHERE owner = {dead}") == 0, "the dead node's rows are freed");
        var takeover = TimeProvider.System.GetElapsedTime(killed);

        var posts = await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(30));
        await records.AllSucceededAsync(load.Count);
        log.WriteLine($"taken over after {takeover.TotalSeconds:0.0} s, {posts.Count - load.Count} arrived twice");
        Assert.InRange(takeover.TotalSeconds, 0, 15);
        Assert.InRange(posts.Count - load.Count, 0, 4 * MaxConcurrency);
        Assert.Equal(0, await records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.node WHERE id = {dead}"));
    }

    [Fact]
    public async Task A_node_that_freezes_until_another_has_taken_over_sends_nothing_of_that_again_when_it_wakes()
    {
        var database = await postgres.CreateDatabaseAsync();
        var records = new Records(database);
        await using var receiver = await SlowReceiverAsync();
        await using var frozen = await ServerProcess.StartAsync(database, Concurrency);
        await frozen.RegisterAsync(receiver.Url);
        // More than the other node sends until the frozen one is declared dead.
        var load = new Load(4500);
        await load.PublishAsync(frozen.Client);
        await receiver.WaitForAsync(200);

        frozen.Pause();
        await using var other = await ServerProcess.StartAsync(database, Concurrency);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(
            $"SELECT count(*) FROM dispatcher.node WHERE name LIKE '%/{frozen.Id}'") == 0, "the frozen node is declared dead");
        var before = receiver.All.Count;
        await receiver.WaitForAsync(before + 50);
        frozen.Continue();

        var posts = await load.ArrivedAsync(receiver, TimeSpan.FromSeconds(40));
        await records.AllSucceededAsync(load.Count);
        log.WriteLine($"{before} arrived before the takeover, {receiver.All.Count - load.Count} arrived twice");
        Assert.InRange(posts.Count - load.Count, 0, 4 * MaxConcurrency);
        Assert.Contains("declared dead", frozen.Output, StringComparison.Ordinal);
        // Back under a new identity, and of use again.
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>(
            $"SELECT count(*) FROM dispatcher.node WHERE name LIKE '%/{frozen.Id}'") == 1, "the frozen node is back");
        await frozen.TerminateAsync();
        await other.TerminateAsync();
        Assert.Equal(posts.Count, receiver.All.Count);
    }

    [Fact]
    public async Task What_an_api_node_accepts_a_worker_node_delivers_at_once()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await Receiver.StartAsync();
        await using var api = await ServerProcess.StartAsync(database, ("Dispatcher__Roles", "api"));
        await using var worker = await ServerProcess.StartAsync(database, ("Dispatcher__Roles", "worker"));
        await api.RegisterAsync(receiver.Url);
        using (var refused = await worker.Client.GetAsync("/integrations"))
            Assert.Equal(System.Net.HttpStatusCode.NotFound, refused.StatusCode);

        var latencies = new List<TimeSpan>();
        for (var i = 0; i < 40; i++)
        {
            var began = TimeProvider.System.GetUtcNow();
            await api.PublishAsync("a.b", new JsonObject { ["n"] = i });
            latencies.Add((await receiver.WaitForAsync(i + 1))[i].At - began);
        }

        // A poll alone would take 250 ms in the middle.
        latencies.Sort();
        log.WriteLine($"median {latencies[20].TotalMilliseconds:0} ms, longest {latencies[^1].TotalMilliseconds:0} ms");
        Assert.InRange(latencies[20].TotalMilliseconds, 0, 125);
        await new Records(database).AllSucceededAsync(40);
    }

    [Fact]
    public async Task An_api_node_sends_nothing_and_takes_no_rows_and_a_worker_node_answers_health_checks_alone()
    {
        var database = await postgres.CreateDatabaseAsync();
        var records = new Records(database);
        await using var receiver = await Receiver.StartAsync();
        await using var api = await ServerProcess.StartAsync(database, ("Dispatcher__Roles", "api"));
        await api.RegisterAsync(receiver.Url);
        for (var i = 0; i < 5; i++) await api.PublishAsync("a.b", new JsonObject { ["n"] = i });
        // Longer than a worker's polling takes.
        await Task.Delay(TimeSpan.FromSeconds(1.2), TestContext.Current.CancellationToken);
        Assert.Empty(receiver.All);
        Assert.Equal(5, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE owner IS NULL AND attempts = 0"));

        await using var worker = await ServerProcess.StartAsync(database, ("Dispatcher__Roles", "worker"));
        foreach (var path in new[] { "/events", "/integrations", "/deliveries", "/jobs", "/api-keys", "/openapi/v1.json", "/docs" })
        {
            using var refused = await worker.Client.GetAsync(path);
            Assert.True(refused.StatusCode == System.Net.HttpStatusCode.NotFound, $"{path}: {refused.StatusCode}");
        }

        foreach (var path in new[] { "/health/live", "/health/ready" })
        {
            using var answered = await worker.Client.GetAsync(path);
            Assert.Equal(System.Net.HttpStatusCode.OK, answered.StatusCode);
        }

        await records.AllSucceededAsync(5);
        Assert.Equal(["api", "worker"], await records.ScalarAsync<string[]>("SELECT array_agg(roles ORDER BY roles) FROM dispatcher.node"));
    }

    [Fact]
    public async Task Nodes_that_start_together_on_an_empty_database_all_come_up_and_migrate_it_once()
    {
        var database = await postgres.CreateDatabaseAsync();
        var nodes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ServerProcess.StartAsync(database)));
        try
        {
            Assert.Single(nodes, node => node.Output.Contains("migrations; the schema is at", StringComparison.Ordinal));
            var records = new Records(database);
            Assert.Equal(4, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.node"));
            Assert.Equal(
                await records.ScalarAsync<long>("SELECT count(DISTINCT \"MigrationId\") FROM dispatcher.migration"),
                await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.migration"));
            foreach (var node in nodes) await node.TerminateAsync();
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
    }

    private int _underWay;

    private int UnderWay => Volatile.Read(ref _underWay);

    private async Task<Receiver> SlowReceiverAsync()
    {
        var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, _, context) =>
        {
            Interlocked.Increment(ref _underWay);
            await Task.Delay(50);
            Interlocked.Decrement(ref _underWay);
            context.Response.StatusCode = 204;
        };
        return receiver;
    }

    private static Task<long> OwnersAsync(Records records) =>
        records.ScalarAsync<long>("SELECT count(DISTINCT owner) FROM dispatcher.queue WHERE owner IS NOT NULL");
}
