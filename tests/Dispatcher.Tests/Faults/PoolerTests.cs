// Behind a pooler in transaction mode, with a direct connection for what needs a session: all works as without one.

using System.Net;
using System.Net.Http.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class PoolerTests(PostgresFixture postgres, ITestOutputHelper log)
{
    [Fact]
    public async Task Through_PgBouncer_in_transaction_mode_nodes_migrate_accept_deliver_and_retry()
    {
        var direct = await postgres.CreateDatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(direct);
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (post, n, context) =>
        {
            context.Response.StatusCode = post.Attempt == 1 && n % 10 == 0 ? 500 : 204;
            return Task.CompletedTask;
        };
        await using var one = await StartAsync(pooler, direct, "api,worker");
        await using var other = await StartAsync(pooler, direct, "api,worker");
        await one.RegisterAsync(receiver.Url, null, "load.made", "job.*");

        // Many at once, so that one client's statements come to many sessions, each of which serves many clients.
        var load = new Load(1500);
        await Task.WhenAll(
            load.PublishAsync(one.Client, 0, 500), load.PublishAsync(other.Client, 500, 1500),
            CreateJobsAsync(one.Client, "a"), CreateJobsAsync(other.Client, "b"));

        await receiver.WaitForAsync(load.Count + 40);
        await Eventually.TrueAsync(
            () => receiver.All.Where(p => p.Headers["dispatcher-event"] == Load.Type).Select(Load.NumberOf).Distinct().Count() == load.Count, "all events arrive");
        await new Records(direct).AllSucceededAsync(load.Count + 40);
        Assert.Contains(receiver.All, p => p.Attempt == 2);
    }

    [Fact]
    public async Task Notifications_come_through_the_direct_connection_beside_the_pooler()
    {
        var direct = await postgres.CreateDatabaseAsync();
        await using var pooler = await PgBouncer.StartAsync(direct);
        await using var receiver = await Receiver.StartAsync();
        await using var api = await StartAsync(pooler, direct, "api");
        await using var worker = await StartAsync(pooler, direct, "worker");
        await api.RegisterAsync(receiver.Url);

        await Notifications.AreHeardAsync(async _ => await api.PublishAsync("a.b"), receiver, log);
    }

    private Task<TestServer> StartAsync(PgBouncer pooler, string direct, string roles) => TestServer.StartAsync(
        postgres,
        new() { ["ConnectionStrings:DispatcherDirect"] = direct, ["Dispatcher:Roles"] = roles, ["Dispatcher:Retry:BaseSeconds"] = "0.2" },
        connectionString: pooler.ConnectionString);

    private static async Task CreateJobsAsync(HttpClient client, string prefix)
    {
        for (var i = 0; i < 10; i++)
        {
            using var created = await client.PostAsJsonAsync("/jobs", new { kind = "parse", id = $"{prefix}-{i}" });
            await TestServer.ReadAsync(created, HttpStatusCode.Created);
            using var moved = await client.PatchAsJsonAsync($"/jobs/{prefix}-{i}", new { status = "successful" });
            await TestServer.ReadAsync(moved, HttpStatusCode.OK);
        }
    }
}

/// <summary>Whether a worker is woken by notifications, or finds rows by its polling only.</summary>
internal static class Notifications
{
    private const int Tries = 30;

    /// <summary>Publishes one after the other; half of them must arrive sooner than polling alone would let them.</summary>
    public static async Task AreHeardAsync(Func<int, Task> publish, Receiver receiver, ITestOutputHelper log)
    {
        var before = receiver.All.Count;
        var latencies = new List<double>();
        for (var i = 0; i < Tries; i++)
        {
            var began = TimeProvider.System.GetUtcNow();
            await publish(i);
            latencies.Add(((await receiver.WaitForAsync(before + i + 1))[before + i].At - began).TotalMilliseconds);
        }

        latencies.Sort();
        log.WriteLine($"median {latencies[Tries / 2]:0} ms, longest {latencies[^1]:0} ms");
        // A poll every 500 ms would take 250 ms in the middle.
        Assert.InRange(latencies[Tries / 2], 0, 125);
    }
}
