// Section 2 of the contract: keys and what they are bound to. AccessMatrixTests has every endpoint with every caller.

using System.Net.Http.Json;
using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class AccessTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("Authorization", "Bearer")]
    [InlineData("Authorization", "Bearer ")]
    [InlineData("Authorization", "Basic b3BlcmF0b3I6eA==")]
    [InlineData("Authorization", "operator-key-of-the-tests")]
    [InlineData("Authorization", "Bearer operator-key-of-the-test")]
    [InlineData("x-api-key", "")]
    [InlineData("x-api-key", "Bearer operator-key-of-the-tests")]
    public async Task What_is_no_key_is_401(string header, string value)
    {
        using var client = api.Server.ClientWith(null);
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, value);

        await client.RefusalAsync(401, "GET /integrations");
    }

    [Fact]
    public async Task A_revoked_key_is_401_at_once_and_on_other_nodes_soon()
    {
        var customer = await api.CustomerAsync();
        await using var otherNode = await TestServer.StartAsync(postgres, connectionString: api.Server.ConnectionString);
        var made = await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""");
        using var here = api.Server.ClientWith(made.Text("key"));
        using var there = otherNode.ClientWith(made.Text("key"));
        await here.CallAsync(200, "GET /integrations");
        await there.CallAsync(200, "GET /integrations");

        await customer.Admin.CallAsync(204, $"DELETE /api-keys/{made.Text("id")}");

        await here.RefusalAsync(401, "GET /integrations");
        await Eventually.TrueAsync(async () =>
        {
            using var answer = await there.RequestAsync("GET /integrations");
            return (int)answer.StatusCode == 401;
        }, "the other node refuses the key", TimeSpan.FromSeconds(5));
        await customer.Admin.RefusalAsync(404, $"DELETE /api-keys/{made.Text("id")}");
    }

    [Fact]
    public async Task An_expired_key_is_401()
    {
        var soon = TimeProvider.System.GetUtcNow().AddSeconds(1.5);
        var made = await api.Operator.CallAsync(201, "POST /api-keys", JsonSerializer.Serialize(new { role = "member", expires_at = soon }));
        using var client = api.Server.ClientWith(made.Text("key"));
        await client.CallAsync(200, "GET /integrations");

        await Eventually.TrueAsync(async () =>
        {
            using var answer = await client.RequestAsync("GET /integrations");
            return (int)answer.StatusCode == 401;
        }, "the key has expired", TimeSpan.FromSeconds(4));
        Assert.True(TimeProvider.System.GetUtcNow() >= soon);
    }

    [Fact]
    public async Task A_key_is_shown_once_and_stored_nowhere_in_the_clear()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"emitter","name":"CI","project":"p"}""");

        Assert.StartsWith("dsk_", made.Text("key"), StringComparison.Ordinal);
        Assert.Equal(["id", "role", "organization", "project", "name", "created_at", "expires_at", "rate_limit_per_second", "key"], made.Members());
        Assert.Equal((customer.Id, "p", "emitter", "CI"), (made.Text("organization"), made.Text("project"), made.Text("role"), made.Text("name")));
        var list = await customer.Admin.CallAsync(200, "GET /api-keys");
        Assert.Contains(made.Text("id"), list.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(made.Text("key"), list.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("key", list.Data()[0].Members());
    }

    [Theory]
    [InlineData("""{}""", "role")]
    [InlineData("""{"role":"Admin"}""", "role")]
    [InlineData("""{"role":"0"}""", "role")]
    [InlineData("""{"role":"operator","organization":"default"}""", "organization")]
    [InlineData("""{"role":"operator","project":"p"}""", "project")]
    [InlineData("""{"role":"member","organization":"a b"}""", "organization")]
    [InlineData("""{"role":"member","project":""}""", "project")]
    [InlineData("""{"role":"member","expires_at":"2020-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("""{"role":"member","rights":"all"}""", "rights")]
    public Task A_key_that_cannot_be_is_refused_by_member(string body, string member) => api.Operator.RefusalAsync(422, "POST /api-keys", body, member);

    [Fact]
    public async Task An_admin_gives_no_more_than_it_has()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        using var ofProject = await one.ClientAsync("admin", "p");

        await one.Admin.RefusalAsync(403, "POST /api-keys", """{"role":"operator"}""");
        await one.Admin.RefusalAsync(404, "POST /api-keys", $$"""{"role":"member","organization":"{{other.Id}}"}""");
        await ofProject.RefusalAsync(403, "POST /api-keys", """{"role":"member","project":"q"}""");
        Assert.Equal("p", (await ofProject.CallAsync(201, "POST /api-keys", """{"role":"admin"}""")).Text("project"));
        await ofProject.RefusalAsync(403, "POST /projects", """{"id":"q"}""");
        await ofProject.RefusalAsync(403, "DELETE /projects/p");
    }

    [Fact]
    public async Task What_belongs_to_another_organization_is_404_and_stays_as_it_is()
    {
        var (owner, stranger) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var receiver = await Receiver.StartAsync();
        var registered = await owner.RegisterAsync(receiver.Url);
        var integration = registered.Text("id");
        var eventId = await owner.PublishAsync(members: "\"id\":\"mine\"");
        var delivery = (await owner.DeliveryAsync($"event={eventId}", "succeeded")).Text("id");
        await owner.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"job"}""");
        await owner.Admin.CallAsync(201, "POST /projects", """{"id":"p"}""");
        var key = (await owner.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""")).Text("id");

        foreach (var (call, body) in new (string, string?)[]
        {
            ($"GET /integrations/{integration}", null),
            ($"PUT /integrations/{integration}", """{"type":"webhook","events":["*"],"target":"https://example.com/"}"""),
            ($"PATCH /integrations/{integration}", """{"name":"taken"}"""),
            ($"DELETE /integrations/{integration}", null),
            ($"GET /integrations/{integration}/secret", null),
            ($"POST /integrations/{integration}/secret/rotate", "{}"),
            ($"POST /integrations/{integration}/test", """{"event":"job.created"}"""),
            ($"GET /events/{eventId}", null),
            ("GET /events/mine", null),
            ($"GET /deliveries/{delivery}", null),
            ($"POST /deliveries/{delivery}/retry", null),
            ($"POST /deliveries/{delivery}/cancel", null),
            ("GET /jobs/job", null),
            ("GET /job/job", null),
            ("PATCH /jobs/job", """{"status":"processing"}"""),
            ("DELETE /projects/p", null),
            ($"DELETE /api-keys/{key}", null),
            ($"GET /integrations?organization={owner.Id}", null),
            ($"POST /events?organization={owner.Id}", """{"type":"a.b","payload":{}}"""),
        })
        {
            await stranger.Admin.RefusalAsync(404, call, body);
        }

        var batch = await stranger.Admin.CallAsync(202, "POST /jobs/batch", """[{"id":"job","status":"processing"}]""");
        Http.AssertProblem(batch.Data()[0].GetProperty("error"), 404);
        foreach (var list in new[] { "/integrations", "/events", "/deliveries", $"/deliveries?integration={integration}", $"/deliveries?event={eventId}" })
            Assert.Empty((await stranger.Admin.CallAsync(200, $"GET {list}")).Data());
        Assert.DoesNotContain(key, (await stranger.Admin.CallAsync(200, "GET /api-keys")).ToString(), StringComparison.Ordinal);

        Assert.Equal(registered.Text("updated_at"), (await owner.Admin.CallAsync(200, $"GET /integrations/{integration}")).Text("updated_at"));
        Assert.Equal("pending", (await owner.Admin.CallAsync(200, "GET /jobs/job")).Text("status"));
        Assert.Contains(key, (await owner.Admin.CallAsync(200, "GET /api-keys")).ToString(), StringComparison.Ordinal);
        Assert.Contains((await owner.Admin.CallAsync(200, "GET /projects")).Data(), p => p.Text("id") == "p");
    }

    [Fact]
    public async Task Two_organizations_may_use_the_same_ids_and_get_only_their_own_events()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var ofOne = await Receiver.StartAsync();
        await using var ofOther = await Receiver.StartAsync();
        await one.RegisterAsync(ofOne.Url);
        await other.RegisterAsync(ofOther.Url);

        var first = await one.PublishAsync(payload: """{"of":"one"}""", members: "\"id\":\"same\"");
        var second = await other.PublishAsync(payload: """{"of":"other"}""", members: "\"id\":\"same\"");
        await one.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"same"}""");
        await other.Admin.CallAsync(201, "POST /jobs", """{"kind":"extract","id":"same"}""");

        Assert.NotEqual(first, second);
        Assert.Equal("parse", (await one.Admin.CallAsync(200, "GET /jobs/same")).Text("kind"));
        Assert.Contains("""{"of":"one"}""", (await ofOne.WaitForAsync(2)).Select(p => p.Text));
        Assert.Contains("""{"of":"other"}""", (await ofOther.WaitForAsync(2)).Select(p => p.Text));
        Assert.DoesNotContain(ofOne.All, p => p.Id == second);
        Assert.DoesNotContain(ofOther.All, p => p.Id == first);
    }

    [Fact]
    public async Task A_key_of_a_project_sees_only_its_project()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        using var bound = await customer.ClientAsync("admin", "p");
        var mine = (await customer.RegisterAsync(receiver.Url, "\"project\":\"p\"")).Text("id");
        var others = (await customer.RegisterAsync(receiver.Url, "\"project\":\"q\"")).Text("id");
        var myEvent = await customer.PublishAsync(members: "\"project\":\"p\"");
        var otherEvent = await customer.PublishAsync(members: "\"project\":\"q\",\"id\":\"other\"");
        var myDelivery = (await customer.DeliveryAsync($"event={myEvent}", "succeeded")).Text("id");
        var otherDelivery = (await customer.DeliveryAsync($"event={otherEvent}", "succeeded")).Text("id");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"jp","project":"p"}""");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"jq","project":"q"}""");

        Assert.Equal([mine], (await bound.CallAsync(200, "GET /integrations")).Data().Select(i => i.Text("id")));
        Assert.All((await bound.CallAsync(200, "GET /events")).Data(), e => Assert.Equal("p", e.Text("project")));
        Assert.All((await bound.CallAsync(200, "GET /deliveries")).Data(), d => Assert.Equal("p", d.Text("project")));
        Assert.Empty((await bound.CallAsync(200, "GET /events?project=q")).Data());
        await bound.CallAsync(200, $"GET /events/{myEvent}");
        await bound.CallAsync(200, $"GET /deliveries/{myDelivery}");
        await bound.CallAsync(200, "GET /jobs/jp");
        foreach (var (call, body) in new (string, string?)[]
        {
            ($"GET /integrations/{others}", null), ($"PATCH /integrations/{others}", "{}"), ($"DELETE /integrations/{others}", null),
            ($"GET /integrations/{others}/secret", null), ($"POST /integrations/{others}/test", """{"event":"job.created"}"""),
            ($"GET /events/{otherEvent}", null), ("GET /events/other", null),
            ($"GET /deliveries/{otherDelivery}", null), ($"POST /deliveries/{otherDelivery}/retry", null), ($"POST /deliveries/{otherDelivery}/cancel", null),
            ("GET /jobs/jq", null), ("GET /job/jq", null), ("PATCH /jobs/jq", """{"status":"processing"}"""),
        })
        {
            await bound.RefusalAsync(404, call, body);
        }
    }

    [Fact]
    public async Task A_key_of_a_project_triggers_only_its_project()
    {
        var customer = await api.CustomerAsync();
        using var emitter = await customer.ClientAsync("emitter", "p");
        using var admin = await customer.ClientAsync("admin", "p");

        await emitter.RefusalAsync(403, "POST /events", """{"type":"a.b","payload":{},"project":"q"}""");
        await emitter.RefusalAsync(403, "POST /jobs", """{"kind":"parse","project":"q"}""");
        var batch = await emitter.CallAsync(202, "POST /events/batch", """[{"type":"a.b","payload":{},"project":"q"},{"type":"a.b","payload":{}}]""");
        Http.AssertProblem(batch.Data()[0].GetProperty("error"), 403);
        await admin.RefusalAsync(
            403, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/","project":"q"}""");

        // What names no project is put into the key's own.
        Assert.Equal("p", (await customer.Admin.CallAsync(200, $"GET /events/{batch.Data()[1].Text("id")}")).Text("project"));
        Assert.Equal("p", (await emitter.CallAsync(201, "POST /jobs", """{"kind":"parse"}""")).Text("project"));
        var made = await admin.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""");
        Assert.Equal("p", made.Text("project"));
        Assert.Equal("p", (await admin.CallAsync(200, $"PATCH /integrations/{made.Text("id")}", """{"project":null}""")).Text("project"));
        await admin.RefusalAsync(403, $"PATCH /integrations/{made.Text("id")}", """{"project":"q"}""");
    }

    [Fact]
    public async Task Events_and_jobs_without_a_project_belong_to_the_project_default()
    {
        var customer = await api.CustomerAsync();
        using var bound = await customer.ClientAsync("member", "default");
        var id = await customer.PublishAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");

        await bound.CallAsync(200, $"GET /events/{id}");
        await bound.CallAsync(200, "GET /jobs/j");
    }

    [Fact]
    public async Task A_member_sees_no_secret_anywhere()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var bearer = await customer.RegisterAsync(receiver.Url, """ "headers":{"Authorization":"Bearer hush-hush","X-Token":"hush-hush"} """);
        var basic = await customer.RegisterAsync(receiver.Url, """ "basic_auth":{"username":"user","password":"hush-hush"} """);
        var id = await customer.PublishAsync();
        await receiver.WaitForAsync(2);
        using var member = await customer.ClientAsync("member");

        var texts = new List<string> { (await member.CallAsync(200, "GET /integrations")).ToString(), (await member.CallAsync(200, $"GET /events/{id}")).ToString() };
        foreach (var integration in new[] { bearer, basic })
        {
            var path = $"/integrations/{integration.Text("id")}";
            texts.Add((await member.CallAsync(200, $"GET {path}")).ToString());
            texts.Add((await customer.DeliveryAsync($"integration={integration.Text("id")}", "succeeded")).ToString());
            var delivery = (await member.CallAsync(200, $"GET /deliveries?integration={integration.Text("id")}")).Data()[0].Text("id");
            texts.Add((await member.CallAsync(200, $"GET /deliveries/{delivery}")).ToString());
            await member.RefusalAsync(403, $"GET {path}/secret");
            await member.RefusalAsync(403, $"POST {path}/secret/rotate", "{}");
        }

        Assert.Contains(texts, t => t.Contains("\"x-token\":\"********\"", StringComparison.Ordinal));
        Assert.Contains(receiver.All, p => p.Headers["authorization"] == "Basic dXNlcjpodXNoLWh1c2g=");
        foreach (var secret in new[] { "hush-hush", "dXNlcjpodXNoLWh1c2g=", "whsec_", bearer.Text("secret"), basic.Text("secret") })
            Assert.All(texts, t => Assert.DoesNotContain(secret, t, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_operator_names_the_organization_and_without_one_means_default()
    {
        var customer = await api.CustomerAsync();
        var there = $"?organization={customer.Id}";
        const string body = """{"type":"webhook","events":["*"],"target":"https://example.com/","enabled":false}""";
        var inOrganization = (await api.Operator.CallAsync(201, $"POST /integrations{there}", body)).Text("id");
        var inDefault = (await api.Operator.CallAsync(201, "POST /integrations", body)).Text("id");

        await customer.Admin.CallAsync(200, $"GET /integrations/{inOrganization}");
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{inDefault}");
        await api.Operator.CallAsync(200, $"GET /integrations/{inOrganization}{there}");
        await api.Operator.RefusalAsync(404, $"GET /integrations/{inOrganization}");
        await api.Operator.CallAsync(200, $"GET /integrations/{inDefault}?organization=default");
        await api.Operator.RefusalAsync(404, "GET /integrations?organization=nobody");
        await customer.Admin.CallAsync(200, $"GET /integrations{there}");
    }

    [Fact]
    public async Task An_operator_makes_keys_for_the_organization_that_the_query_or_the_body_names()
    {
        var customer = await api.CustomerAsync();

        var byQuery = await api.Operator.CallAsync(201, $"POST /api-keys?organization={customer.Id}", """{"role":"member"}""");
        var byBody = await api.Operator.CallAsync(201, "POST /api-keys", $$"""{"role":"member","organization":"{{customer.Id}}"}""");
        var byNeither = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"member"}""");

        Assert.Equal(customer.Id, byQuery.Text("organization"));
        Assert.Equal(customer.Id, byBody.Text("organization"));
        Assert.Equal("default", byNeither.Text("organization"));
        await api.Operator.RefusalAsync(404, "POST /api-keys", """{"role":"member","organization":"nobody"}""");
        var listed = (await api.Operator.CallAsync(200, $"GET /api-keys?organization={customer.Id}")).Data();
        Assert.All(listed, k => Assert.Equal(customer.Id, k.Text("organization")));
        Assert.Contains(listed, k => k.Text("id") == byQuery.Text("id"));
    }

    [Fact]
    public async Task Default_and_its_project_exist_from_the_beginning()
    {
        Assert.Contains((await api.Operator.CallAsync(200, "GET /organizations?limit=250")).Data(), o => o.Text("id") == "default");
        Assert.Contains((await api.Operator.CallAsync(200, "GET /projects")).Data(), p => p.Text("id") == "default");
        await api.Operator.RefusalAsync(409, "DELETE /organizations/default");
        await api.Operator.RefusalAsync(409, "DELETE /projects/default");
    }

    [Fact]
    public async Task Keys_of_a_deleted_organization_stop_working()
    {
        var customer = await api.CustomerAsync();
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/"), "\"enabled\":false")).Text("id");
        await api.Operator.RefusalAsync(409, $"DELETE /organizations/{customer.Id}");

        await customer.Admin.CallAsync(204, $"DELETE /integrations/{integration}");
        await api.Operator.CallAsync(204, $"DELETE /organizations/{customer.Id}");

        await customer.Admin.RefusalAsync(401, "GET /integrations");
        await api.Operator.RefusalAsync(404, $"GET /integrations?organization={customer.Id}");
    }

    [Fact]
    public async Task Several_keys_at_once_work_each_with_its_own_rights()
    {
        var customer = await api.CustomerAsync();
        var clients = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => customer.ClientAsync("emitter", $"p{i}")));

        var answers = await Task.WhenAll(clients.Select(c => c.PostAsJsonAsync("/events", new { type = "a.b", payload = new { } })));

        Assert.All(answers, a => Assert.Equal(202, (int)a.StatusCode));
        var projects = (await customer.Admin.CallAsync(200, "GET /events")).Data().Select(e => e.Text("project"));
        Assert.Equal(["p0", "p1", "p2", "p3"], projects.Order(StringComparer.Ordinal));
    }
}
