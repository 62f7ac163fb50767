// Every call that changes something, what it must leave in the audit trail, and the things that it is about.

using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;

namespace Dispatcher.Tests.Auditing;

/// <summary>A call, and its entry. Names in braces stand for things of an <see cref="AuditedWorld"/>; {answer} for what the answer is about.</summary>
/// <param name="Endpoint">As the server maps it.</param>
/// <param name="Action">The entry's.</param>
/// <param name="Call">The call.</param>
/// <param name="Body">Its body.</param>
/// <param name="Target">The entry's target, without its kind.</param>
/// <param name="ByOperator">Made with the configuration's operator key, and noted in the server's own trail.</param>
internal sealed record AuditedCall(string Endpoint, string Action, string Call, string? Body, string Target, bool ByOperator = false)
{
    private const string Whole = """{"type":"webhook","events":["a.b"],"target":"https://example.com/"}""";
    private const string Span = """{"since":"2020-01-01T00:00:00Z"}""";

    public static readonly AuditedCall[] All =
    [
        new("POST /integrations", "integration.created", "POST /integrations", Whole, "{answer}"),
        new("PUT /integrations/{id}", "integration.updated", "PUT /integrations/{integration}", Whole, "{integration}"),
        new("PUT /integrations/{id}", "integration.enabled", "PUT /integrations/{disabled}", Whole, "{disabled}"),
        new("PATCH /integrations/{id}", "integration.updated", "PATCH /integrations/{integration}", """{"name":"b"}""", "{integration}"),
        new("PATCH /integrations/{id}", "integration.disabled", "PATCH /integrations/{integration}", """{"enabled":false}""", "{integration}"),
        new("PATCH /integrations/{id}", "integration.enabled", "PATCH /integrations/{disabled}", """{"enabled":true,"name":"c"}""", "{disabled}"),
        new("DELETE /integrations/{id}", "integration.deleted", "DELETE /integrations/{integration}", null, "{integration}"),
        new("GET /integrations/{id}/secret", "secret.read", "GET /integrations/{integration}/secret", null, "{integration}"),
        new("POST /integrations/{id}/secret/rotate", "secret.rotated", "POST /integrations/{integration}/secret/rotate", "{}", "{integration}"),
        new("POST /integrations/{id}/test", "integration.tested", "POST /integrations/{integration}/test", """{"event":"job.completed"}""", "{integration}"),
        new("POST /integrations/{id}/recover", "recovery.started", "POST /integrations/{integration}/recover", Span, "{integration}"),
        new("POST /integrations/{id}/replay", "recovery.started", "POST /integrations/{integration}/replay", Span, "{integration}"),
        new("POST /integrations/{id}/tasks/{task}/cancel", "task.cancelled", "POST /integrations/{disabled}/tasks/{task}/cancel", null, "{task}"),
        new("POST /deliveries/{id}/retry", "delivery.retried", "POST /deliveries/{exhausted}/retry", null, "{exhausted}"),
        new("POST /deliveries/{id}/retry", "delivery.retried", "POST /deliveries/{waiting}/retry", null, "{waiting}"),
        new("POST /deliveries/{id}/cancel", "delivery.cancelled", "POST /deliveries/{waiting}/cancel", null, "{waiting}"),
        new("POST /deliveries/bulk", "bulk.started", "POST /deliveries/bulk", """{"action":"retry","filter":{"type":"none.such"}}""", "{answer}"),
        new("POST /deliveries/bulk/{task}/cancel", "task.cancelled", "POST /deliveries/bulk/{bulk}/cancel", null, "{bulk}"),
        new("POST /api-keys", "api_key.created", "POST /api-keys", """{"role":"member","name":"reader"}""", "{answer}"),
        new("DELETE /api-keys/{id}", "api_key.revoked", "DELETE /api-keys/{key}", null, "{key}"),
        new("POST /projects", "project.created", "POST /projects", """{"id":"new"}""", "new"),
        new("DELETE /projects/{id}", "project.deleted", "DELETE /projects/{project}", null, "{project}"),
        new("POST /webhook", "portal_link.created", "POST /webhook", "{}", "{newest-session}"),
        new("DELETE /portal-sessions/{id}", "portal_link.revoked", "DELETE /portal-sessions/{session}", null, "{session}"),
        new("POST /organizations", "organization.created", "POST /organizations", "{}", "{answer}", ByOperator: true),
        new("PATCH /organizations/{id}", "organization.changed", "PATCH /organizations/{organization}", """{"retention_days":90}""", "{organization}", ByOperator: true),
        new("DELETE /organizations/{id}", "organization.deleted", "DELETE /organizations/{organization}", null, "{organization}", ByOperator: true),
        new("POST /event-types", "event_type.created", "POST /event-types", """{"name":"{new-type}"}""", "{answer}", ByOperator: true),
        new("PUT /event-types/{name}", "event_type.replaced", "PUT /event-types/{type}", """{"description":"new"}""", "{type}", ByOperator: true),
        new("DELETE /event-types/{name}", "event_type.deleted", "DELETE /event-types/{type}", null, "{type}", ByOperator: true),
        new("POST /api-keys", "api_key.created", "POST /api-keys", """{"role":"operator"}""", "{answer}", ByOperator: true),
        new("DELETE /api-keys/{id}", "api_key.revoked", "DELETE /api-keys/{operator-key}", null, "{operator-key}", ByOperator: true),
    ];

    /// <summary>What changes something and leaves no entry: /events and /deliveries tell of it.</summary>
    public static readonly string[] Exempt = ["POST /events", "POST /events/batch", "POST /jobs", "PATCH /jobs/{id}", "POST /jobs/batch"];

    public override string ToString() => $"{Call} {Body}";
}

/// <summary>An organization with one of everything that calls are about, each made when it is first named.</summary>
internal sealed class AuditedWorld(ApiServer api, Customer customer, string adminKey, HttpClient admin) : IDisposable
{
    private readonly Dictionary<string, string> _names = [];

    public Customer Customer => customer;

    /// <summary>The id of the key that <see cref="Admin"/> uses.</summary>
    public string AdminKey => adminKey;
    public HttpClient Admin => admin;

    public static async Task<AuditedWorld> CreateAsync(ApiServer api)
    {
        var customer = await api.CustomerAsync();
        var key = await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"admin","name":"the auditor's"}""");
        return new AuditedWorld(api, customer, key.Text("id"), api.Server.ClientWith(key.Text("key")));
    }

    /// <summary>The text with the names in it replaced.</summary>
    public async Task<string> FillAsync(string text)
    {
        foreach (Match name in Regex.Matches(text, @"\{([a-z-]+)\}"))
        {
            if (!_names.TryGetValue(name.Value, out var value)) _names[name.Value] = value = await MakeAsync(name.Groups[1].Value);
            text = text.Replace(name.Value, value, StringComparison.Ordinal);
        }

        return text;
    }

    public void Answered(JsonElement answer)
    {
        if (answer.ValueKind != JsonValueKind.Undefined && (answer.TryGetProperty("id", out var id) || answer.TryGetProperty("name", out id)))
            _names["{answer}"] = id.GetString()!;
    }

    public void Dispose() => admin.Dispose();

    private async Task<string> MakeAsync(string name)
    {
        var unique = Guid.NewGuid().ToString("N");
        return name switch
        {
            "integration" => (await RegisterAsync("\"name\":\"a\"")).Text("id"),
            "disabled" => (await RegisterAsync("\"enabled\":false")).Text("id"),
            "exhausted" => await FailedAsync("\"retry\":{\"max_attempts\":1}", "exhausted"),
            "waiting" => await FailedAsync("\"retry\":{\"base_seconds\":3600}", "failed"),
            "task" => await TaskAsync(await FillAsync("{disabled}")),
            "bulk" => await BulkAsync(),
            "project" => (await customer.Admin.CallAsync(201, "POST /projects", "{}")).Text("id"),
            "key" => (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"emitter"}""")).Text("id"),
            "operator-key" => (await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"operator"}""")).Text("id"),
            "session" => await SessionAsync(),
            "newest-session" => await NewestSessionAsync(),
            "organization" => (await api.Operator.CallAsync(201, "POST /organizations", "{}")).Text("id"),
            "type" => (await api.Operator.CallAsync(201, "POST /event-types", $$"""{"name":"t.{{unique}}"}""")).Text("name"),
            "new-type" => $"t.{unique}",
            _ => throw new ArgumentException($"There is no {name} in this world.", nameof(name)),
        };
    }

    private async Task<string> SessionAsync()
    {
        await customer.Admin.CallAsync(200, "POST /webhook", "{}");
        return await NewestSessionAsync();
    }

    private async Task<string> NewestSessionAsync() => (await customer.Admin.CallAsync(200, "GET /portal-sessions?limit=1")).Data()[0].Text("id");

    /// <summary>Nothing listens there, so that each attempt fails at once.</summary>
    private Task<JsonElement> RegisterAsync(string members, string events = "\"none\"") =>
        customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), members, events);

    private async Task<string> FailedAsync(string members, string status)
    {
        var type = $"t.{status}";
        await RegisterAsync(members, $"\"{type}\"");
        return (await customer.DeliveryAsync($"event={await customer.PublishAsync(type)}", status, attempts: 1)).Text("id");
    }

    /// <summary>A task that does not end by itself, because its integration is disabled.</summary>
    private async Task<string> TaskAsync(string integration)
    {
        var id = Guid.CreateVersion7();
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, integration_id, kind, since, until, position, bound, total, created_at)
            VALUES ('{customer.Id}', '{id}', '{Guid.ParseExact(integration[4..], "N")}', 'recover', now() - interval '1 hour', now(), '{id}', '{id}', 5, now())
            """);
        return $"tsk_{id:N}";
    }

    /// <summary>A bulk action whose turn is far away.</summary>
    private async Task<string> BulkAsync()
    {
        var id = Guid.CreateVersion7();
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"""
            INSERT INTO dispatcher.task (organization_id, id, kind, statuses, until, position, bound, total, created_at, next_at)
            VALUES ('{customer.Id}', '{id}', 'bulk_retry', ARRAY['failed'], now(), '{id}', '{id}', 5, now(), now() + interval '1 day')
            """);
        return $"tsk_{id:N}";
    }
}
