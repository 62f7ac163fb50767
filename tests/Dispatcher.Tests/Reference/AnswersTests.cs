// What the server really answers is what the API reference says.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Reference;

public sealed class AnswersTests(ReferenceServer reference) : IClassFixture<ReferenceServer>
{
    private const string Minimum = """{"type":"webhook","events":["document_predict"],"target":"http://127.0.0.1:9/hook"}""";

    [Fact]
    public async Task Each_operation_answers_as_its_schema_says()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var failing = await Receiver.StartAsync(500);
        var calls = new ReferenceCalls(reference);

        await AccessAsync(calls);
        await PortalAsync(calls);
        await CatalogueAsync(calls);
        var (good, bad) = await RegisterAsync(calls, receiver.Url, failing.Url);
        await PublishAsync(calls);
        await JobsAsync(calls);
        await DeliveriesAsync(calls, good, bad);
        await RecoveriesAsync(calls, bad);
        await BulkAsync(calls);
        foreach (var seen in new[] { "/stats/integrations?limit=1", "/server/deliveries?limit=1", "/nodes", "/settings" }) await calls.CallAsync(200, $"GET {seen}");
        foreach (var stats in new[] { $"/integrations/{good}/stats", "/stats", "/stats?organization=default" }) await calls.CallAsync(200, $"GET {stats}");
        await calls.CallAsync(204, $"DELETE /integrations/{good}");

        await calls.ValidateAsync();
        Assert.Empty(reference.Operations().Select(o => o.Name).Except(calls.Asked).Select(name => $"{name} has not been asked here"));
    }

    [Fact]
    public async Task Each_refusal_is_the_problem_that_the_reference_shows()
    {
        var calls = new ReferenceCalls(reference);
        using var nobody = reference.Server.ClientWith(null);
        using var member = await reference.Server.ClientOfAsync("member");

        await calls.CallAsync(400, "POST /integrations", "{");
        await calls.CallAsync(401, "GET /integrations", client: nobody);
        await calls.CallAsync(403, "POST /integrations", Minimum, member);
        await calls.CallAsync(404, "GET /deliveries/dlv_unknown");
        await calls.CallAsync(404, "GET /events?organization=nobody");
        await calls.CallAsync(409, "DELETE /projects/default");
        await calls.CallAsync(413, "POST /projects", $$"""{"name":"{{new string('a', 600_000)}}"}""");
        await calls.CallAsync(422, "POST /integrations", """{"type":"webhook"}""");
        await calls.CallAsync(422, "GET /deliveries?status=lost&limit=9");

        await calls.ValidateAsync();
    }

    private static async Task AccessAsync(ReferenceCalls calls)
    {
        await calls.CallAsync(201, "POST /organizations", """{"id":"acme","name":"Acme Ltd.","retention_days":30}""");
        await calls.CallAsync(409, "POST /organizations", """{"id":"acme"}""");
        await calls.CallAsync(200, "GET /organizations?limit=1");
        await calls.CallAsync(200, "GET /organizations/acme");
        await calls.CallAsync(200, "PATCH /organizations/acme", """{"retention_days":null}""");
        await calls.CallAsync(201, "POST /projects", """{"id":"invoices"}""");
        await calls.CallAsync(200, "GET /projects");
        await calls.CallAsync(200, "GET /projects/invoices");
        await calls.CallAsync(204, "DELETE /projects/invoices");
        var key = await calls.CallAsync(201, "POST /api-keys", """{"role":"emitter","organization":"acme","name":"Job runner","expires_at":"2093-10-01T12:00:00Z"}""");
        await calls.CallAsync(200, "GET /api-keys");
        await calls.CallAsync(200, $"GET /api-keys/{key.Text("id")}");
        await calls.CallAsync(204, $"DELETE /api-keys/{key.Text("id")}");
        await calls.CallAsync(204, "DELETE /organizations/acme");
    }

    private static async Task PortalAsync(ReferenceCalls calls)
    {
        await calls.CallAsync(200, "POST /webhook");
        await calls.CallAsync(200, "POST /webhook", """{"project":"invoices","expires_in_seconds":60,"role":"member"}""");
        var session = (await calls.CallAsync(200, "GET /portal-sessions?limit=1")).Data()[0].Text("id");
        await calls.CallAsync(204, $"DELETE /portal-sessions/{session}");
        var entry = (await calls.CallAsync(200, "GET /audit?limit=2")).Data()[0].Text("id");
        await calls.CallAsync(200, $"GET /audit/{entry}");
        await calls.CallAsync(200, "GET /audit?scope=server&action=organization.created&actor=operator_key&since=2023-10-01T12:00:00Z");
    }

    private static async Task CatalogueAsync(ReferenceCalls calls)
    {
        await calls.CallAsync(201, "POST /event-types", """{"name":"invoice.paid","description":"Paid.","example":{"amount":1200}}""");
        await calls.CallAsync(200, "GET /event-types");
        await calls.CallAsync(200, "GET /event-types/invoice.paid");
        await calls.CallAsync(200, "PUT /event-types/invoice.paid", """{"deprecated":true}""");
        await calls.CallAsync(204, "DELETE /event-types/invoice.paid");
    }

    private static async Task<(string Good, string Bad)> RegisterAsync(ReferenceCalls calls, Uri receiver, Uri failing)
    {
        var good = (await calls.CallAsync(201, "POST /integrations", $$"""
            {"type":"webhook","name":"ERP","events":["*"],"target":"{{receiver}}","headers":{"X-Api-Token":"abcdefg"},
             "basic_auth":{"username":"dispatcher","password":"secret"},"enabled":true,"rate_limit_per_second":50,"max_concurrency":20,
             "timeout_seconds":15,"retry":{"base_seconds":2,"max_attempts":10},"ordering":"none","metadata":{"team":"erp"} }
            """)).Text("id");
        var bad = (await calls.CallAsync(201, "POST /integrations", $$"""{"type":"webhook","events":["order.*"],"target":"{{failing}}","retry":{"max_attempts":1} }""")).Text("id");
        var other = (await calls.CallAsync(201, "POST /integrations", Minimum)).Text("id");
        await calls.CallAsync(200, "GET /integrations?limit=1");
        await calls.CallAsync(200, $"GET /integrations/{good}");
        await calls.CallAsync(200, $"PUT /integrations/{other}", Minimum);
        await calls.CallAsync(200, $"PATCH /integrations/{other}", """{"enabled":false,"basic_auth":{"username":"a","password":"b"}}""");
        await calls.CallAsync(200, $"GET /integrations/{other}/secret");
        await calls.CallAsync(200, $"POST /integrations/{other}/secret/rotate", "{}");
        await calls.CallAsync(409, $"POST /integrations/{other}/test", """{"event":"document_predict"}""");
        await calls.CallAsync(202, $"POST /integrations/{good}/test", """{"event":"document_predict"}""");
        return (good, bad);
    }

    private static async Task PublishAsync(ReferenceCalls calls)
    {
        const string order = """{"type":"order.paid","payload":{"order":1},"id":"order-1","project":"shop","inbox":"web","ordering_key":"1"}""";
        var id = (await calls.CallAsync(202, "POST /events", order)).Text("id");
        await calls.CallAsync(200, "POST /events", order);
        var batch = await calls.CallAsync(202, "POST /events/batch", """[{"type":"a","payload":{}},{"type":"b","payload":{}}]""");
        Assert.Equal(2, batch.Data().Count);
        var lines = await calls.CallAsync(202, "POST /events/batch", "{\"type\":\"a\",\"payload\":{}}\n{\"type\":\"a b\",\"payload\":{}}\n", type: "application/x-ndjson");
        Assert.Equal(422, lines.Data()[1].GetProperty("error").GetProperty("status").GetInt32());
        await calls.CallAsync(200, "GET /events?type=order.paid&project=shop&inbox=web&since=2023-10-01T12:00:00Z");
        await calls.CallAsync(200, $"GET /events/{id}");
    }

    private static async Task JobsAsync(ReferenceCalls calls)
    {
        await calls.CallAsync(201, "POST /jobs", """{"kind":"document_predict","id":"parse_1"}""");
        await calls.CallAsync(200, "PATCH /jobs/parse_1", """{"status":"successful","usage":{"pages_parsed":10},"result":["anything"]}""");
        await calls.CallAsync(409, "PATCH /jobs/parse_1", """{"status":"failure"}""");
        await calls.CallAsync(200, "GET /jobs/parse_1");
        await calls.CallAsync(200, "GET /job/parse_1");
        var batch = await calls.CallAsync(202, "POST /jobs/batch", """[{"kind":"workflow","id":"run_1","workflow_name":"w"},{"id":"nobody","status":"failure"}]""");
        Assert.Equal(404, batch.Data()[1].GetProperty("error").GetProperty("status").GetInt32());
    }

    private static async Task DeliveriesAsync(ReferenceCalls calls, string good, string bad)
    {
        var exhausted = await OneAsync($"integration={bad}&status=exhausted");
        var arrived = await OneAsync($"integration={good}&type=order.paid&status=succeeded");
        await calls.CallAsync(200, $"GET /deliveries/{exhausted}");
        await calls.CallAsync(200, $"GET /deliveries/{arrived}");
        await calls.CallAsync(202, $"POST /deliveries/{arrived}/retry");
        await OneAsync($"integration={good}&type=order.paid&status=succeeded");
        await calls.CallAsync(409, $"POST /deliveries/{exhausted}/cancel");
        await calls.CallAsync(200, $"PATCH /integrations/{bad}", """{"retry":{"base_seconds":3600,"max_attempts":10}}""");
        await calls.CallAsync(202, $"POST /deliveries/{exhausted}/retry");
        await OneAsync($"integration={bad}&status=failed");
        await calls.CallAsync(200, $"POST /deliveries/{exhausted}/cancel");

        async Task<string> OneAsync(string filter)
        {
            JsonElement page = default;
            await Eventually.TrueAsync(async () => (page = await calls.CallAsync(200, $"GET /deliveries?{filter}")).Data().Count == 1, $"there is a delivery of {filter}");
            return page.Data()[0].Text("id");
        }
    }

    private static async Task RecoveriesAsync(ReferenceCalls calls, string integration)
    {
        var task = (await calls.CallAsync(202, $"POST /integrations/{integration}/recover", """{"since":"2023-10-01T12:00:00Z"}""")).Text("id");
        await calls.CallAsync(200, $"GET /integrations/{integration}/tasks/{task}");
        await calls.CallAsync(200, $"PATCH /integrations/{integration}", """{"events":["none.such"]}""");
        var other = (await calls.CallAsync(202, $"POST /integrations/{integration}/replay", """{"since":"2023-10-01T12:00:00Z","until":"2023-10-02T12:00:00Z"}""")).Text("id");
        await calls.CallAsync(200, $"GET /integrations/{integration}/tasks?limit=1");
        await calls.CallAsync([200, 409], $"POST /integrations/{integration}/tasks/{other}/cancel");
    }

    private static async Task BulkAsync(ReferenceCalls calls)
    {
        await calls.CallAsync(200, "GET /deliveries/bulk/count?action=replay&status=succeeded");
        var whole = """{"action":"cancel","filter":{"type":"none.such","status":"failed","since":"2023-10-01T12:00:00Z","until":"2023-10-02T12:00:00Z"}}""";
        var task = (await calls.CallAsync(202, "POST /deliveries/bulk", whole)).Text("id");
        await calls.CallAsync(202, "POST /deliveries/bulk", """{"action":"retry","filter":{}}""");
        await calls.CallAsync(200, $"GET /deliveries/bulk/{task}");
        await calls.CallAsync(200, "GET /deliveries/bulk?limit=1");
        await calls.CallAsync([200, 409], $"POST /deliveries/bulk/{task}/cancel");
    }
}
