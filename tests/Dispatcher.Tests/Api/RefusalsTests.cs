// Each refusal of section 1 at least once per resource, in one table.

namespace Dispatcher.Tests.Api;

public sealed class RefusalsTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string NoId = "00000000000070008000000000000000";
    private static readonly string TooLarge = $$"""{"name":"{{new string('n', 600 * 1024)}}"}""";
    private static readonly string TooLargePayload = $$"""{"type":"a.b","payload":{"a":"{{new string('x', 256 * 1024)}}"} }""";
    private static readonly string TooLargeBatch = new(' ', (16 * 1024 * 1024) + 1);

    /// <summary>What is there: {integration}, {disabled}, {delivery}, and by fixed ids the job "done", the project "known" and the type "job.created".</summary>
    public static TheoryData<int, string, string, string?> Table => new()
    {
        // organizations
        { 400, "operator", "POST /organizations", "{" },
        { 401, "nobody", "GET /organizations", null },
        { 403, "admin", "GET /organizations", null },
        { 404, "operator", "DELETE /organizations/nobody", null },
        { 409, "operator", "POST /organizations", """{"id":"default"}""" },
        { 413, "operator", "POST /organizations", TooLarge },
        { 422, "operator", "POST /organizations", """{"id":"a b"}""" },
        // projects
        { 400, "admin", "POST /projects", "[]" },
        { 401, "nobody", "POST /projects", "{}" },
        { 403, "member", "POST /projects", "{}" },
        { 404, "admin", "DELETE /projects/nothing", null },
        { 409, "admin", "POST /projects", """{"id":"known"}""" },
        { 413, "admin", "POST /projects", TooLarge },
        { 422, "admin", "POST /projects", """{"title":"P"}""" },
        // keys
        { 400, "admin", "POST /api-keys", "role=admin" },
        { 401, "nobody", "GET /api-keys", null },
        { 403, "member", "GET /api-keys", null },
        { 404, "admin", $"DELETE /api-keys/key_{NoId}", null },
        { 413, "admin", "POST /api-keys", TooLarge },
        { 422, "admin", "POST /api-keys", """{"role":"boss"}""" },
        // integrations
        { 400, "admin", "POST /integrations", """{"type":"webhook",""" },
        { 400, "admin", "PATCH /integrations/{integration}", "null" },
        { 401, "nobody", "POST /integrations", "{}" },
        { 403, "member", "DELETE /integrations/{integration}", null },
        { 403, "emitter", "GET /integrations", null },
        { 404, "admin", $"GET /integrations/int_{NoId}", null },
        { 404, "admin", $"PUT /integrations/int_{NoId}", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""" },
        { 404, "admin", $"PATCH /integrations/int_{NoId}", "{}" },
        { 404, "admin", $"POST /integrations/int_{NoId}/secret/rotate", "{}" },
        { 404, "admin", $"POST /integrations/int_{NoId}/test", """{"event":"job.created"}""" },
        { 409, "admin", "POST /integrations/{disabled}/test", """{"event":"job.created"}""" },
        { 413, "admin", "POST /integrations", TooLarge },
        { 413, "admin", "PATCH /integrations/{integration}", TooLarge },
        { 422, "admin", "POST /integrations", "{}" },
        // events
        { 400, "emitter", "POST /events", "{" },
        { 400, "emitter", "POST /events/batch", "{}" },
        { 401, "nobody", "POST /events", """{"type":"a.b","payload":{}}""" },
        { 403, "member", "POST /events", """{"type":"a.b","payload":{}}""" },
        { 403, "emitter", "GET /events", null },
        { 404, "admin", $"GET /events/evt_{NoId}", null },
        { 413, "emitter", "POST /events", TooLargePayload },
        { 422, "emitter", "POST /events", """{"type":"a.b"}""" },
        { 422, "emitter", "POST /events/batch", "[]" },
        // event types
        { 400, "operator", "POST /event-types", "x" },
        { 401, "nobody", "GET /event-types", null },
        { 403, "admin", "POST /event-types", """{"name":"a.b"}""" },
        { 404, "member", "GET /event-types/no.such", null },
        { 409, "operator", "POST /event-types", """{"name":"job.created"}""" },
        { 413, "operator", "PUT /event-types/job.created", TooLarge },
        { 422, "operator", "PUT /event-types/job.created", """{"example":1}""" },
        // jobs
        { 400, "emitter", "POST /jobs", "kind=parse" },
        { 400, "emitter", "PATCH /jobs/done", "" },
        { 401, "nobody", "PATCH /jobs/done", "{}" },
        { 403, "member", "POST /jobs", """{"kind":"parse"}""" },
        { 403, "emitter", "GET /jobs/done", null },
        { 404, "emitter", "PATCH /jobs/nothing", """{"status":"processing"}""" },
        { 404, "member", "GET /job/nothing", null },
        { 409, "emitter", "PATCH /jobs/done", """{"status":"processing"}""" },
        { 409, "emitter", "POST /jobs", """{"kind":"parse","id":"done"}""" },
        { 413, "emitter", "POST /jobs", TooLarge },
        { 413, "emitter", "POST /jobs/batch", TooLargeBatch },
        { 422, "emitter", "POST /jobs", """{"kind":"nothing"}""" },
        // deliveries, which take no bodies
        { 401, "nobody", "GET /deliveries", null },
        { 403, "emitter", "GET /deliveries", null },
        { 403, "member", "POST /deliveries/{delivery}/retry", null },
        { 403, "member", "POST /deliveries/{delivery}/cancel", null },
        { 404, "member", $"GET /deliveries/dlv_{NoId}", null },
        { 404, "admin", $"POST /deliveries/dlv_{NoId}/retry", null },
        { 409, "admin", "POST /deliveries/{delivery}/cancel", null },
        { 422, "member", "GET /deliveries?status=lost", null },
        { 422, "member", "GET /deliveries?limit=0", null },
    };

    [Theory]
    [MemberData(nameof(Table), DisableDiscoveryEnumeration = true)]
    public async Task Each_refusal_is_a_problem_with_its_status(int status, string role, string call, string? body)
    {
        var (customer, names) = await WorldAsync();
        using var client = role switch
        {
            "nobody" => api.Server.ClientWith(null),
            _ => await customer.ClientAsync(role),
        };
        foreach (var (name, id) in names) call = call.Replace(name, id, StringComparison.Ordinal);

        await client.RefusalAsync(status, call, body);
    }

    private async Task<(Customer Customer, Dictionary<string, string> Names)> WorldAsync()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", """{"id":"known"}""");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"done"}""");
        await customer.Admin.CallAsync(200, "PATCH /jobs/done", """{"status":"cancelled"}""");
        var integration = await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}", "\"a.b\"");
        var disabled = await customer.RegisterAsync(new Uri("https://example.com/"), "\"enabled\":false");
        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted");
        return (customer, new() { ["{integration}"] = integration.Text("id"), ["{disabled}"] = disabled.Text("id"), ["{delivery}"] = delivery.Text("id") });
    }
}
