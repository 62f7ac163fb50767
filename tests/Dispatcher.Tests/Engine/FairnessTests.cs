// A node's memory is shared fairly: what one dead target has waiting leaves room for the others.

using System.Net;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Engine;

public sealed class FairnessTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Large_events_of_a_target_that_hangs_do_not_fill_the_memory_for_others()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Delivery:MaxPendingMegabytes"] = "32" });
        await using var hanging = await Receiver.StartAsync();
        await using var healthy = await Receiver.StartAsync();
        hanging.Answer = (_, _, context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        await server.RegisterAsync(hanging.Url, null, "large");
        await server.RegisterAsync(healthy.Url, null, "small");

        // Some 50 MB, for a memory of 32.
        var item = $$$"""{"type":"large","payload":{"text":"{{{new string('x', 250_000)}}}"}}""";
        var batch = "[" + string.Join(",", Enumerable.Repeat(item, 10)) + "]";
        for (var i = 0; i < 20; i++)
        {
            using var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(batch));
            await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
        }

        // Long before any of the others has timed out.
        await server.PublishAsync("small");
        await healthy.WaitForAsync(1, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task However_many_targets_hang_there_is_room_in_memory_for_one_that_does_not()
    {
        const int memory = 400;
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:Delivery:MaxPendingInMemory"] = $"{memory}",
            ["Dispatcher:Delivery:MaxConcurrency"] = "1",
        });
        await using var hanging = await Receiver.StartAsync();
        await using var healthy = await Receiver.StartAsync();
        hanging.Answer = (_, _, context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        for (var i = 0; i < 20; i++) await server.RegisterAsync(hanging.Url, null, "many");
        await server.RegisterAsync(healthy.Url, null, "few");

        // Five times what fits.
        var batch = "[" + string.Join(",", Enumerable.Repeat("""{"type":"many","payload":{}}""", 100)) + "]";
        using (var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(batch)))
            await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
        await hanging.WaitForAsync(20);

        var records = new Records(server.ConnectionString);
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue WHERE owner IS NOT NULL") < memory, "not all of it is taken");
        for (var i = 0; i < 3; i++) await server.PublishAsync("few");
        await healthy.WaitForAsync(3, TimeSpan.FromSeconds(5));
    }
}
