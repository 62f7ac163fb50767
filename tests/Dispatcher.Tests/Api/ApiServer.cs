// One server for a class of tests. Each test that writes takes an organization of its own, so that tests see nothing of each other.

using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public class ApiServer(PostgresFixture postgres) : IAsyncLifetime
{
    private TestServer? _server;
    private int _organizations;

    /// <summary>Settings of this server, besides those of every other.</summary>
    private protected virtual IReadOnlyDictionary<string, string?> Settings => new Dictionary<string, string?>();

    internal TestServer Server => _server!;

    /// <summary>Calls as operator, about the organization <c>default</c> unless the path asks for another.</summary>
    internal HttpClient Operator => Server.Client;

    public virtual async ValueTask InitializeAsync() =>
        // Retries come at once: what a test waits for is their outcome, not their schedule.
        _server = await TestServer.StartAsync(postgres, new(Settings) { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_server is not null) await _server.DisposeAsync();
    }

    /// <summary>A new organization.</summary>
    internal async Task<Customer> CustomerAsync()
    {
        var id = $"customer-{Interlocked.Increment(ref _organizations)}";
        await Operator.CallAsync(201, "POST /organizations", $$"""{"id":"{{id}}"}""");
        return new Customer(this, id, await Server.ClientOfAsync("admin", id));
    }
}

/// <summary>An organization, and what its admin does.</summary>
internal sealed record Customer(ApiServer Api, string Id, HttpClient Admin)
{
    public Task<HttpClient> ClientAsync(string role, string? project = null) => Api.Server.ClientOfAsync(role, Id, project);

    /// <summary>Registers an integration; members are further members of the request, such as <c>"inbox":"a"</c>.</summary>
    public Task<JsonElement> RegisterAsync(Uri target, string members = "", string events = "\"*\"") => Admin.CallAsync(
        201, "POST /integrations", $$"""{"type":"webhook","events":[{{events}}],"target":"{{target}}"{{(members.Length > 0 ? "," + members : "")}}}""");

    /// <summary>Publishes an event; gives its id.</summary>
    public async Task<string> PublishAsync(string type = "a.b", string payload = """{"n":1}""", string members = "") => (await Admin.CallAsync(
        202, "POST /events", $$"""{"type":"{{type}}","payload":{{payload}}{{(members.Length > 0 ? "," + members : "")}}}""")).Text("id");

    /// <summary>Waits until a list's only delivery has a status, after so many attempts at least; gives it with its attempts.</summary>
    public async Task<JsonElement> DeliveryAsync(string filter, string status, int attempts = 0)
    {
        JsonElement found = default;
        await Eventually.TrueAsync(async () =>
        {
            var list = (await Admin.CallAsync(200, $"GET /deliveries?{filter}")).Data();
            if (list.Count != 1) return false;
            found = await Admin.CallAsync(200, $"GET /deliveries/{list[0].Text("id")}");
            return found.Text("status") == status && found.GetProperty("attempt_count").GetInt32() >= attempts;
        }, $"a delivery of {filter} is {status}; it is {found}");
        return found;
    }
}
