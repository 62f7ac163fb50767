// Each endpoint that changes something leaves exactly one entry, or changes nothing.

using System.Net;
using System.Text.Json;
using Dispatcher.Pages;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Auditing;

public sealed class AuditedEndpointsTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Count = "SELECT count(*) FROM dispatcher.audit";

    /// <summary>
    /// All that a call may change. Of events and deliveries only an organization's own: what other tests have left may still be under way.
    /// Of tasks only what people see: those that wait are looked at now and then.
    /// </summary>
    private static string StateOf(Customer customer) =>
        $"""
        SELECT md5(string_agg(t.row, E'\n' ORDER BY t.row)) FROM (
            SELECT 'organization' || o::text AS row FROM dispatcher.organization o
            UNION ALL SELECT 'project' || p::text FROM dispatcher.project p
            UNION ALL SELECT 'key' || k::text FROM dispatcher.api_key k
            UNION ALL SELECT 'integration' || i::text FROM dispatcher.integration i
            UNION ALL SELECT 'secret' || s::text FROM dispatcher.integration_secret s
            UNION ALL SELECT 'type' || e::text FROM dispatcher.event_type e
            UNION ALL SELECT 'event' || e::text FROM dispatcher.event e WHERE e.organization_id = '{customer.Id}'
            UNION ALL SELECT 'live' || q::text FROM dispatcher.queue q WHERE q.organization_id = '{customer.Id}'
            UNION ALL SELECT 'finished' || d::text FROM dispatcher.delivery d WHERE d.organization_id = '{customer.Id}'
            UNION ALL SELECT 'attempt' || a::text FROM dispatcher.attempt a WHERE a.organization_id = '{customer.Id}'
            UNION ALL SELECT 'session' || s::text FROM dispatcher.portal_session s
            UNION ALL SELECT 'task' || t.id || t.status FROM dispatcher.task t) t
        """;

    public static TheoryData<string, string, int> Calls =>
        [.. AuditedCall.All.Select((c, i) => new TheoryDataRow<string, string, int>(c.Action, c.ToString(), i))];

    private Records Store => new(api.Server.ConnectionString);

    [Fact]
    public void Every_endpoint_that_changes_something_is_audited_or_exempt_by_name()
    {
        var changing = from endpoint in api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
                       from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["any method"]
                       where method is not ("GET" or "HEAD") && endpoint.Metadata.GetMetadata<OfFace>() is null
                       select $"{method} /{endpoint.RoutePattern.RawText!.Trim('/')}";

        Assert.Equal(
            AuditedCall.All.Select(c => c.Endpoint).Distinct().Where(e => !e.StartsWith("GET", StringComparison.Ordinal)).Concat(AuditedCall.Exempt).Order(StringComparer.Ordinal),
            changing.Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_change_leaves_one_entry_that_says_who_did_what_to_what(string action, string call, int index)
    {
        Assert.NotEmpty(call);
        using var world = await AuditedWorld.CreateAsync(api);
        var audited = AuditedCall.All[index];
        var (path, body) = (await world.FillAsync(audited.Call), audited.Body is null ? null : await world.FillAsync(audited.Body));
        var before = await Store.ScalarAsync<long>(Count);

        var client = audited.ByOperator ? api.Operator : world.Admin;
        // The same POST once more has the first one's answer and no effect, and so no entry.
        var idempotencyKey = path.StartsWith("POST", StringComparison.Ordinal) ? Guid.NewGuid().ToString() : null;
        for (var time = 0; time < (idempotencyKey is null ? 1 : 2); time++)
        {
            using var answer = await client.RequestAsync(path, body, idempotencyKey: idempotencyKey);
            var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode}: {text}");
            if (text.Length > 0) world.Answered(JsonElement.Parse(text));
        }

        Assert.Equal(1, await Store.ScalarAsync<long>(Count) - before);
        var list = await client.CallAsync(200, audited.ByOperator ? "GET /audit?scope=server&limit=1" : "GET /audit?limit=1");
        var entry = Assert.Single(list.Data());
        Assert.Equal((action, await world.FillAsync(audited.Target)), (entry.Text("action"), entry.GetProperty("target").Text("id")));
        Http.AssertJson(
            audited.ByOperator
                ? """{"kind":"operator_key","id":null,"name":null,"role":"operator"}"""
                : $$"""{"kind":"key","id":"{{world.AdminKey}}","name":"the auditor's","role":"admin"}""",
            entry.GetProperty("actor"));
        Assert.Equal(audited.ByOperator ? null : world.Customer.Id, entry.GetProperty("organization").GetString());
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_change_that_cannot_be_noted_does_not_happen(string action, string call, int index)
    {
        Assert.NotEmpty(action + call);
        using var world = await AuditedWorld.CreateAsync(api);
        var audited = AuditedCall.All[index];
        var (path, body) = (await world.FillAsync(audited.Call), audited.Body is null ? null : await world.FillAsync(audited.Body));
        var before = await Store.ScalarAsync<string>(StateOf(world.Customer));

        await Store.ExecuteAsync("ALTER TABLE dispatcher.audit RENAME TO audit_away");
        try
        {
            await (audited.ByOperator ? api.Operator : world.Admin).RefusalAsync((int)HttpStatusCode.InternalServerError, path, body);
        }
        finally
        {
            await Store.ExecuteAsync("ALTER TABLE dispatcher.audit_away RENAME TO audit");
        }

        Assert.Equal(before, await Store.ScalarAsync<string>(StateOf(world.Customer)));
    }

    [Theory]
    [InlineData("member", 403, "PATCH /integrations/{integration}", """{"name":"b"}""")]
    [InlineData("emitter", 403, "GET /integrations/{integration}/secret", null)]
    [InlineData("admin", 403, "POST /api-keys", """{"role":"operator"}""")]
    [InlineData("admin", 403, "POST /organizations", "{}")]
    [InlineData("other", 404, "DELETE /integrations/{integration}", null)]
    [InlineData("other", 404, "GET /integrations/{integration}/secret", null)]
    [InlineData("other", 404, "POST /deliveries/{waiting}/cancel", null)]
    [InlineData("other", 404, "DELETE /api-keys/{key}", null)]
    [InlineData("other", 404, "POST /integrations/{disabled}/tasks/{task}/cancel", null)]
    [InlineData("other", 404, "DELETE /projects/{project}", null)]
    [InlineData("admin", 409, "POST /deliveries/{exhausted}/cancel", null)]
    [InlineData("admin", 409, "POST /integrations/{disabled}/test", """{"event":"job.completed"}""")]
    [InlineData("admin", 409, "POST /integrations/{disabled}/recover", """{"since":"2020-01-01T00:00:00Z"}""")]
    [InlineData("admin", 409, "DELETE /projects/default", null)]
    [InlineData("admin", 422, "PUT /integrations/{integration}", """{"type":"webhook"}""")]
    [InlineData("admin", 422, "PATCH /integrations/{integration}", """{"target":"no address"}""")]
    [InlineData("admin", 422, "POST /integrations/{integration}/secret/rotate", """{"secret":"short"}""")]
    [InlineData("admin", 422, "POST /integrations/{integration}/test", """{"event":"not.there"}""")]
    [InlineData("admin", 422, "POST /integrations/{integration}/replay", "{}")]
    [InlineData("operator", 409, "DELETE /organizations/default", null)]
    [InlineData("operator", 404, "DELETE /event-types/not.there", null)]
    [InlineData("operator", 422, "PATCH /organizations/{organization}", """{"retention_days":8}""")]
    public async Task A_refused_call_leaves_none(string who, int status, string call, string? body)
    {
        using var world = await AuditedWorld.CreateAsync(api);
        call = await world.FillAsync(call);
        using var client = who switch
        {
            "operator" => api.Server.ClientWith(TestServer.OperatorKey),
            "other" => (await api.CustomerAsync()).Admin,
            _ => await world.Customer.ClientAsync(who),
        };
        var before = await Store.ScalarAsync<long>(Count);

        await client.RefusalAsync(status, call, body);

        Assert.Equal(before, await Store.ScalarAsync<long>(Count));
    }

    [Fact]
    public async Task Publishing_and_moving_jobs_is_not_audited()
    {
        using var world = await AuditedWorld.CreateAsync(api);
        await world.FillAsync("{integration}");
        var before = await Store.ScalarAsync<long>(Count);

        await world.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""");
        await world.Admin.CallAsync(202, "POST /events/batch", """[{"type":"a.b","payload":{}}]""");
        await world.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        await world.Admin.CallAsync(200, "PATCH /jobs/j", """{"status":"processing"}""");
        await world.Admin.CallAsync(202, "POST /jobs/batch", """[{"id":"j","status":"cancelled"}]""");

        Assert.Equal(before, await Store.ScalarAsync<long>(Count));
    }

    [Fact]
    public async Task Of_two_who_do_the_same_at_once_one_is_noted()
    {
        using var world = await AuditedWorld.CreateAsync(api);
        foreach (var call in new[] { "DELETE /integrations/{integration}", "DELETE /api-keys/{key}", "DELETE /projects/{project}", "POST /deliveries/{waiting}/cancel" })
        {
            var path = await world.FillAsync(call);
            var before = await Store.ScalarAsync<long>(Count);

            var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => world.Admin.RequestAsync(path)));

            Assert.Single(answers, a => a.IsSuccessStatusCode);
            Assert.Equal(1, await Store.ScalarAsync<long>(Count) - before);
            foreach (var answer in answers) answer.Dispose();
        }
    }
}
