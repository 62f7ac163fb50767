// What callers see while the database is away, and after it is back.

using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class StoreDownTests
{
    [Fact]
    public async Task Calls_are_503_while_the_store_is_down_and_work_again_with_nothing_half_stored()
    {
        await using var store = await OwnStore.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        await using var server = await store.ServerAsync();
        var integration = (await server.RegisterAsync(receiver.Url)).Text("id");
        var before = (await server.PublishAsync("before")).Text("id");
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        using var member = await server.ClientOfAsync("member");
        await receiver.WaitForAsync(2);

        await store.StopAsync();

        foreach (var (call, body) in new (string, string?)[]
        {
            ("GET /integrations", null),
            ($"GET /integrations/{integration}", null),
            ("GET /events", null),
            ($"GET /events/{before}", null),
            ("GET /deliveries", null),
            ("GET /jobs/j", null),
            ("GET /event-types", null),
            ("GET /api-keys", null),
            ("POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}"""),
            ($"PATCH /integrations/{integration}", """{"name":"changed"}"""),
            ($"DELETE /integrations/{integration}", null),
            ($"POST /integrations/{integration}/test", """{"event":"job.created"}"""),
            ("POST /events", """{"type":"during","payload":{},"id":"during"}"""),
            ("POST /events/batch", """[{"type":"during","payload":{}},{"type":"during","payload":{}}]"""),
            ("POST /jobs", """{"kind":"parse","id":"k"}"""),
            ("PATCH /jobs/j", """{"status":"successful"}"""),
            ("POST /jobs/batch", """[{"kind":"parse","id":"l"}]"""),
        })
        {
            using var answer = await server.Client.RequestAsync(call, body);
            await answer.RefusalAsync(503);
            Assert.NotNull(answer.Headers.RetryAfter);
        }

        using (var keyed = await server.Client.RequestAsync("POST /events", """{"type":"during","payload":{}}""", idempotencyKey: "k")) await keyed.RefusalAsync(503);
        // What needs no store is answered as ever.
        await server.Client.RefusalAsync(422, "POST /events", """{"type":"a b","payload":{}}""", "type");
        await server.Client.RefusalAsync(404, "GET /nothing");

        await store.RestartAsync();

        await Eventually.TrueAsync(async () =>
        {
            using var answer = await server.Client.RequestAsync("GET /events");
            return answer.IsSuccessStatusCode;
        }, "the server finds its store again");
        await member.CallAsync(200, "GET /integrations");
        Assert.Equal("pending", (await server.GetAsync("/jobs/j")).Text("status"));
        await server.Client.RefusalAsync(404, "GET /jobs/k");
        await server.Client.RefusalAsync(404, "GET /jobs/l");
        Assert.Equal(["before", "job.created"], (await server.GetAsync("/events")).Data().Select(e => e.Text("type")).Order(StringComparer.Ordinal));
        Assert.Equal([integration], (await server.GetAsync("/integrations")).Data().Select(i => i.Text("id")));

        // The same Idempotency-Key and the same dedupe id are free: the refusal had no effect.
        using (var again = await server.Client.RequestAsync("POST /events", """{"type":"during","payload":{}}""", idempotencyKey: "k"))
            await TestServer.ReadAsync(again, System.Net.HttpStatusCode.Accepted);
        await server.Client.CallAsync(202, "POST /events", """{"type":"after","payload":{},"id":"during"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/j", """{"status":"successful"}""");
        var posts = await receiver.WaitForAsync(5);
        Assert.Equal(["after", "before", "during", "job.completed", "job.created"], posts.Select(p => p.Headers["dispatcher-event"]).Order(StringComparer.Ordinal));
    }
}
