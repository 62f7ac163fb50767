// What there is for one endpoint's garbage to meet: an organization of its own with one of everything.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Fuzz;

/// <summary>An organization, its keys, and the ids of what is in it, by the name of the resource in paths.</summary>
internal sealed record FuzzWorld(string Organization, IReadOnlyDictionary<string, HttpClient> Clients, IReadOnlyDictionary<string, string[]> Ids)
{
    // Nothing listens there, and the server under test sends nothing at all.
    public const string Target = "http://127.0.0.1:9/hook";

    public static async Task<FuzzWorld> MakeAsync(TestServer server, int number)
    {
        var (id, spare) = ($"fuzz-{number}", $"spare-{number}");
        var here = $"?organization={id}";
        foreach (var organization in new[] { id, spare }) await server.Client.CallAsync(201, "POST /organizations", $$"""{"id":"{{organization}}"}""");
        var key = (await server.Client.CallAsync(201, $"POST /api-keys{here}", """{"role":"member"}""")).Text("id");
        await server.Client.CallAsync(201, $"POST /projects{here}", """{"id":"p"}""");
        await server.Client.CallAsync(201, $"POST /event-types{here}", $$$"""{"name":"fuzz.{{{number}}}","example":{"a":1}}""");
        var on = await server.Client.CallAsync(201, $"POST /integrations{here}", $$$"""{"type":"webhook","events":["*"],"target":"{{{Target}}}","headers":{"X-A":"a"},"basic_auth":{"username":"u","password":"p"} }""");
        var off = await server.Client.CallAsync(201, $"POST /integrations{here}", $$"""{"type":"webhook","events":["a.*"],"target":"{{Target}}","enabled":false,"project":"p"}""");
        var events = await server.Client.CallAsync(202, $"POST /events{here}", $$"""{"type":"a.b","payload":{"n":1},"id":"known-{{number}}"}""");
        var deliveries = (await server.Client.CallAsync(200, $"GET /deliveries{here}")).Data().Select(d => d.Text("id"));
        foreach (var job in new[] { "one", "two" }) await server.Client.CallAsync(201, $"POST /jobs{here}", $$"""{"kind":"parse","id":"{{job}}"}""");
        var task = await server.Client.CallAsync(202, $"POST /integrations/{on.Text("id")}/replay{here}", """{"since":"2020-01-01T00:00:00Z"}""");

        var clients = new Dictionary<string, HttpClient> { ["operator"] = Client(server, TestServer.OperatorKey), ["nobody"] = Client(server, null) };
        foreach (var role in new[] { "admin", "member", "emitter" })
        {
            var made = await server.Client.CallAsync(201, $"POST /api-keys{here}", $$"""{"role":"{{role}}"}""");
            clients[role] = Client(server, made.Text("key"));
        }

        return new FuzzWorld(id, clients, new Dictionary<string, string[]>
        {
            ["organizations"] = [spare],
            ["projects"] = ["p"],
            ["api-keys"] = [key],
            ["integrations"] = [on.Text("id"), off.Text("id")],
            ["events"] = [events.Text("id"), $"known-{number}"],
            ["deliveries"] = [.. deliveries],
            ["jobs"] = ["one", "two"],
            ["job"] = ["one", "two"],
            ["event-types"] = [$"fuzz.{number}"],
            ["tasks"] = [task.Text("id")],
        });
    }

    private static HttpClient Client(TestServer server, string? key)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            RequestHeaderEncodingSelector = (_, _) => System.Text.Encoding.UTF8,
        };
        var client = new HttpClient(handler) { BaseAddress = server.Client.BaseAddress };
        if (key is not null) client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        return client;
    }
}
