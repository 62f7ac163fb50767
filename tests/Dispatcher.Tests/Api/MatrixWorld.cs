// The callers of the access matrix, and the things that they ask for.

using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

/// <summary>Somebody who calls.</summary>
/// <param name="Name">For people.</param>
/// <param name="Client">Calls with the caller's key.</param>
/// <param name="Role">The key's role; null where there is no key that works.</param>
/// <param name="Organization">The key's organization.</param>
/// <param name="Project">The key's project.</param>
internal sealed record MatrixCaller(string Name, HttpClient Client, string? Role = null, string? Organization = null, string? Project = null)
{
    public bool IsOperator => Role == "operator";

    public bool IsOfAcme => Organization == MatrixWorld.Acme && Project is null;
}

public sealed class MatrixWorld(PostgresFixture postgres) : IAsyncLifetime
{
    public const string Acme = "acme";
    public const string Other = "other";

    /// <summary>How many callers, the first ones, have no key that works.</summary>
    public const int WithoutKey = 4;

    private static readonly string[] Roles = ["admin", "member", "emitter"];
    private static readonly Uri Nowhere = new("http://127.0.0.1:9/");

    private TestServer? _server;
    private int _made;

    internal TestServer Server => _server!;

    internal List<MatrixCaller> Callers { get; } = [];

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(postgres);
        foreach (var organization in new[] { Acme, Other }) await Server.Client.CallAsync(201, "POST /organizations", $$"""{"id":"{{organization}}"}""");
        Callers.Add(new("no key", Server.ClientWith(null)));
        Callers.Add(new("an unknown key", Server.ClientWith($"dsk_{new string('0', 64)}")));
        Callers.Add(new("an expired key", await ClientOfEndedAsync("expires_at")));
        Callers.Add(new("a revoked key", await ClientOfEndedAsync("revoked_at")));
        Callers.Add(new("operator", await Server.ClientOfAsync("operator"), "operator"));
        foreach (var (organization, project) in new[] { (Acme, null), (Acme, "p"), (Acme, "q"), (Other, null) })
        {
            foreach (var role in Roles)
            {
                Callers.Add(new(
                    $"{role} of {organization} {project}", await Server.ClientOfAsync(role, organization, project), role, organization, project));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var caller in Callers) caller.Client.Dispose();
        if (_server is not null) await _server.DisposeAsync();
    }

    /// <summary>An endpoint's call, about something that was just made.</summary>
    internal async Task<string> PathAsync(string endpoint)
    {
        var noun = endpoint.Split(' ', '/')[2];
        var call = endpoint;
        if (endpoint.Contains("/deliveries/bulk/{", StringComparison.Ordinal)) return endpoint.Replace("{task}", await BulkTaskAsync(), StringComparison.Ordinal);
        if (endpoint.Contains('{', StringComparison.Ordinal)) call = Regex.Replace(endpoint, @"\{(id|job_id|name|documentName)\}", await MakeAsync(noun, endpoint));
        return call.Contains("{task}", StringComparison.Ordinal)
            ? call.Replace("{task}", await TaskAsync(call.Split('/')[2]), StringComparison.Ordinal)
            : call;
    }

    private async Task<string> MakeAsync(string noun, string endpoint)
    {
        var name = $"made-{Interlocked.Increment(ref _made)}";
        switch (noun)
        {
            case "openapi":
                return "v1";
            case "organizations":
                return (await Server.Client.CallAsync(201, "POST /organizations", $$"""{"id":"{{name}}"}""")).Text("id");
            case "projects":
                return (await ForAcmeAsync("POST /projects", $$"""{"id":"{{name}}"}""")).Text("id");
            case "api-keys":
                return (await ForAcmeAsync("POST /api-keys", """{"role":"member","project":"p"}""")).Text("id");
            case "portal-sessions":
                await ForAcmeAsync("POST /webhook", """{"project":"p"}""", 200);
                return (await Server.GetAsync($"/portal-sessions?organization={Acme}&limit=1")).Data()[0].Text("id");
            case "audit":
                await IntegrationAsync("nothing.at_all");
                return (await Server.GetAsync($"/audit?organization={Acme}&limit=1")).Data()[0].Text("id");
            case "integrations":
                return await IntegrationAsync("nothing.at_all");
            case "events":
                return (await ForAcmeAsync("POST /events", """{"type":"a.b","payload":{},"project":"p"}""", 202)).Text("id");
            case "event-types":
                return (await Server.Client.CallAsync(201, "POST /event-types", $$"""{"name":"{{name}}"}""")).Text("name");
            case "jobs" or "job":
                return (await ForAcmeAsync("POST /jobs", """{"kind":"parse","project":"p"}""")).Text("id");
            case "deliveries":
                return await DeliveryAsync(name);
            default:
                Assert.Fail($"The matrix does not know how to make what {endpoint} asks for.");
                return "";
        }
    }

    private async Task<string> IntegrationAsync(string type) => (await ForAcmeAsync(
        "POST /integrations",
        $$$"""{"type":"webhook","events":["{{{type}}}"],"target":"{{{Nowhere}}}","project":"p","retry":{"base_seconds":3600}}""")).Text("id");

    /// <summary>A delivery that has failed once and waits for an hour.</summary>
    private async Task<string> DeliveryAsync(string type)
    {
        await IntegrationAsync(type);
        var id = (await ForAcmeAsync("POST /events", $$"""{"type":"{{type}}","payload":{},"project":"p"}""", 202)).Text("id");
        var delivery = "";
        await Eventually.TrueAsync(async () =>
        {
            var found = (await Server.GetAsync($"/deliveries?organization={Acme}&event={id}")).Data();
            if (found is not [var only] || only.Text("status") != "failed") return false;
            delivery = only.Text("id");
            return true;
        }, "the delivery has failed and waits");
        return delivery;
    }

    /// <summary>A task that no node works off: those that are asked for over HTTP may have ended before they are looked at.</summary>
    private async Task<string> TaskAsync(string integration)
    {
        var id = Guid.CreateVersion7();
        await ExecuteAsync(
            """
            INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, since, until, position, bound, total, created_at, next_at)
            VALUES ($1, $2, $3, 'replay', now(), now(), $2, $2, 0, now(), now() + interval '1 day')
            """, Acme, id, Guid.ParseExact(integration["int_".Length..], "N"));
        return $"tsk_{id:N}";
    }

    /// <summary>The same of a bulk action that was asked for with a key of project p.</summary>
    private async Task<string> BulkTaskAsync()
    {
        var id = Guid.CreateVersion7();
        await ExecuteAsync(
            """
            INSERT INTO dispatcher.task (organization_id, id, kind, project, statuses, until, position, bound, total, created_at, next_at)
            VALUES ($1, $2, 'bulk_retry', 'p', ARRAY['failed'], now(), $2, $2, 0, now(), now() + interval '1 day')
            """, Acme, id);
        return $"tsk_{id:N}";
    }

    private async Task<HttpClient> ClientOfEndedAsync(string column)
    {
        var made = await ForAcmeAsync("POST /api-keys", """{"role":"admin"}""");
        await ExecuteAsync(
            $"UPDATE dispatcher.api_key SET {column} = now() - interval '1 s' WHERE id = $1", Guid.ParseExact(made.Text("id")["key_".Length..], "N"));
        return Server.ClientWith(made.Text("key"));
    }

    private Task<System.Text.Json.JsonElement> ForAcmeAsync(string call, string body, int status = 201) =>
        Server.Client.CallAsync(status, $"{call}?organization={Acme}", body);

    private async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var connection = new NpgsqlConnection(Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.AddWithValue(value);
        await command.ExecuteNonQueryAsync();
    }
}
