// One organization with something of everything that pages show: what the tests of all pages look at.

using System.Text.Encodings.Web;
using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>
/// Built through the API alone, but for what only a fault of the server's own would write. Every text that somebody may choose freely
/// goes through one function, so that the same world can be made of plain words, or of markup that tries to run.
/// </summary>
internal sealed class World : IAsyncDisposable
{
    public const string Organization = "acme";
    public const string Project = "invoices";
    public const string EventType = "invoice.paid";

    // As it stands: the usual encoder would make markup harmless before it is sent.
    private static readonly JsonSerializerOptions AsItStands = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly TestServer _server;
    private readonly Func<string, string> _say;
    private readonly List<IAsyncDisposable> _open = [];

    private World(TestServer server, Func<string, string> say) => (_server, _say) = (server, say);

    /// <summary>Acts for the organization, by a key with a name.</summary>
    public HttpClient Admin { get; private set; } = null!;

    /// <summary>Delivers; others fail, wait and are disabled.</summary>
    public string Integration { get; private set; } = "";
    public string FailingIntegration { get; private set; } = "";
    public string DisabledIntegration { get; private set; } = "";

    public string Succeeded { get; private set; } = "";
    public string Exhausted { get; private set; } = "";
    public string Waiting { get; private set; } = "";
    public string Event { get; private set; } = "";

    /// <summary>The events that a job emitted, with what it said of itself.</summary>
    public IReadOnlyList<string> JobEvents { get; private set; } = [];

    /// <param name="server">Where it is built: a server on which nobody else has this organization and this event type.</param>
    /// <param name="say">Makes a text of the name of the field that it is for.</param>
    public static async Task<World> BuildAsync(TestServer server, Func<string, string> say)
    {
        var world = new World(server, say);
        await world.BuildTenantAsync();
        await world.BuildIntegrationsAsync();
        await world.PublishAsync();
        await world.BuildTasksAsync();
        return world;
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        foreach (var one in _open) await one.DisposeAsync();
    }

    private async Task BuildTenantAsync()
    {
        await Send(_server.Client, 201, "POST /organizations", new { id = Organization, name = _say("the organization's name") });
        var key = await Send(_server.Client, 201, "POST /api-keys", new { role = "admin", organization = Organization, name = _say("the key's name") });
        Admin = _server.ClientWith(key.Text("key"));
        await Send(_server.Client, 201, "POST /api-keys", new { role = "operator", name = _say("the operator key's name") });
        await Send(Admin, 201, "POST /projects", new { id = Project, name = _say("the project's name") });
        await Send(_server.Client, 201, "POST /event-types", new
        {
            name = EventType,
            description = _say("the event type's description"),
            example = new Dictionary<string, string> { [_say("the example's member")] = _say("the example") },
        });
    }

    private async Task BuildIntegrationsAsync()
    {
        var (good, bad) = (await ReceiverAsync(200), await ReceiverAsync(500));
        Integration = await RegisterAsync(good, "the integration's name", new()
        {
            ["headers"] = new { x_team = _say("the header's value") },
            ["metadata"] = new Dictionary<string, string> { [_say("the metadata's member")] = _say("the metadata") },
        });
        FailingIntegration = await RegisterAsync(bad, "the failing integration's name", new()
        {
            ["retry"] = new { max_attempts = 1 },
            ["project"] = Project,
            ["basic_auth"] = new { username = _say("the user's name"), password = _say("the password") },
        });
        await RegisterAsync(bad, null, new() { ["retry"] = new { base_seconds = 3600 }, ["inbox"] = "mail-1" });
        DisabledIntegration = await RegisterAsync(good, "the disabled integration's name", new() { ["enabled"] = false, ["signing"] = "ed25519" });
        // A change, so that the trail has what it was before.
        await Send(Admin, 200, $"PATCH /integrations/{DisabledIntegration}", new { name = _say("the new name") });
    }

    private async Task PublishAsync()
    {
        Event = (await Send(Admin, 202, "POST /events", new
        {
            type = EventType,
            payload = new Dictionary<string, string> { [_say("the payload's member")] = _say("the payload") },
            id = "order-1",
            project = Project,
            inbox = "mail-1",
            ordering_key = _say("the ordering key"),
        })).Text("id");
        Succeeded = await DeliveryAsync(Integration, "succeeded");
        Exhausted = await DeliveryAsync(FailingIntegration, "exhausted");
        Waiting = await DeliveryAsync(null, "failed");

        await Send(Admin, 201, "POST /jobs", new { kind = "workflow", id = "job-1", workflow_name = _say("workflow name") });
        await Send(Admin, 200, "PATCH /jobs/job-1", new { status = "processing" });
        await Send(Admin, 200, "PATCH /jobs/job-1", new
        {
            status = "failure",
            error = _say("job error"),
            fn_status = new Dictionary<string, string> { [_say("the function's name")] = "failure" },
        });
        JobEvents = [.. (await Admin.CallAsync(200, "GET /events")).Data().Select(e => e.Text("id")).Where(id => id != Event)];
    }

    private async Task BuildTasksAsync()
    {
        var since = TimeProvider.System.GetUtcNow().AddHours(-1);
        await Send(Admin, 202, $"POST /integrations/{Integration}/replay", new { since });
        await Send(Admin, 202, $"POST /integrations/{Integration}/test", new { @event = EventType });
        await Send(Admin, 202, "POST /deliveries/bulk", new { action = "retry", filter = new { type = EventType, status = "cancelled" } });
        await Eventually.TrueAsync(
            async () => (await Admin.CallAsync(200, $"GET /integrations/{Integration}/tasks")).Data().All(t => t.Text("status") == "completed")
                && (await Admin.CallAsync(200, "GET /deliveries/bulk")).Data().All(t => t.Text("status") == "completed"),
            "all tasks are completed");

        // Only a fault of the database's own would write such an error.
        await using var connection = new NpgsqlConnection(_server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("UPDATE dispatcher.task SET status = 'failed', error = $1", connection) { Parameters = { new() { Value = _say("the task's error") } } };
        Assert.Equal(2, await command.ExecuteNonQueryAsync());
    }

    private async Task<Uri> ReceiverAsync(int status)
    {
        var receiver = await Receiver.StartAsync();
        _open.Add(receiver);
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers["x-note"] = _say("the answer's header");
            return context.Response.WriteAsync(JsonSerializer.Serialize(new Dictionary<string, string> { ["note"] = _say("the answer's body") }, AsItStands));
        };
        return receiver.Url;
    }

    private async Task<string> RegisterAsync(Uri target, string? name, Dictionary<string, object> members)
    {
        members["type"] = "webhook";
        members["events"] = new[] { "*" };
        members["target"] = target + "?note=" + _say("target").Replace(' ', '+');
        if (name is not null) members["name"] = _say(name);
        return (await Send(Admin, 201, "POST /integrations", members)).Text("id");
    }

    private async Task<string> DeliveryAsync(string? integration, string status)
    {
        var id = "";
        await Eventually.TrueAsync(
            async () => (id = (await Admin.CallAsync(200, $"GET /deliveries?event={Event}&status={status}{(integration is null ? "" : $"&integration={integration}")}"))
                .Data().FirstOrDefault() is { ValueKind: JsonValueKind.Object } one ? one.Text("id") : "") != "",
            $"a delivery that is {status}");
        return id;
    }

    private static Task<JsonElement> Send(HttpClient client, int status, string call, object body) => client.CallAsync(status, call, JsonSerializer.Serialize(body, AsItStands));
}
