// Counts across nodes and restarts.

using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class StatisticsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_restart_by_SIGTERM_in_the_middle_of_a_load_loses_and_doubles_no_count()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, n, context) =>
        {
            await Task.Delay(10);
            context.Response.StatusCode = n % 10 == 0 ? 500 : 204;
        };
        var load = new Load(1000);
        var settings = ("Dispatcher__Retry__BaseSeconds", "0.05");
        string id;
        await using (var server = await ServerProcess.StartAsync(database, settings))
        {
            id = (await server.RegisterAsync(receiver.Url)).GetProperty("id").GetString()!;
            var publishing = load.PublishAsync(server.Client);
            await receiver.WaitForAsync(300);
            await server.TerminateAsync();
            await publishing;
        }

        await using var next = await ServerProcess.StartAsync(database, settings);
        await load.PublishAsync(next.Client);
        await new Records(database).AllSucceededAsync(load.Count);

        await Eventually.TrueAsync(async () => (await StatsAsync(next, id)).GetProperty("deliveries").GetProperty("succeeded").GetInt64() >= load.Count, "all is counted");
        var stats = await StatsAsync(next, id);
        Assert.Equal(load.Count, stats.GetProperty("deliveries").GetProperty("total").GetInt64());
        Assert.Equal(receiver.All.Count, stats.GetProperty("attempts").GetProperty("total").GetInt64());
        Assert.Equal(load.Count, stats.GetProperty("attempts").GetProperty("succeeded").GetInt64());
        using var answer = await next.Client.GetAsync("/stats");
        Assert.Equal(load.Count, (await TestServer.ReadAsync(answer, HttpStatusCode.OK)).GetProperty("accepted").GetProperty("events").GetInt64());
    }

    [Fact]
    public async Task What_two_nodes_send_adds_up()
    {
        await using var one = await TestServer.StartAsync(postgres);
        await using var two = await TestServer.StartAsync(postgres, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync();
        var id = (await one.RegisterAsync(receiver.Url)).GetProperty("id").GetString()!;
        for (var i = 0; i < 20; i++) await (i % 2 == 0 ? one : two).PublishAsync("a.b");
        await receiver.WaitForAsync(20);

        foreach (var node in new[] { one, two })
        {
            JsonElement stats = default;
            await Eventually.TrueAsync(async () =>
            {
                stats = await node.GetAsync($"/integrations/{id}/stats");
                return stats.GetProperty("deliveries").GetProperty("succeeded").GetInt64() >= 20;
            }, "both nodes' counts are read");
            Assert.Equal((20, 20), (stats.GetProperty("deliveries").GetProperty("total").GetInt64(), stats.GetProperty("attempts").GetProperty("total").GetInt64()));
            Assert.Equal(20, (await node.GetAsync("/stats")).GetProperty("accepted").GetProperty("events").GetInt64());
        }
    }

    private static async Task<JsonElement> StatsAsync(ServerProcess server, string id)
    {
        using var answer = await server.Client.GetAsync($"/integrations/{id}/stats");
        return await TestServer.ReadAsync(answer, HttpStatusCode.OK);
    }
}
