// Nobody reads or triggers across tenants: lists, cursors, ids that callers choose, recoveries, and what deletion leaves.

using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class IsolationTests(ApiServer api) : IClassFixture<ApiServer>
{
    private static readonly string[] Lists =
    [
        "/projects", "/api-keys", "/integrations", "/events", "/deliveries", "/events?inbox=box", "/events?type=a.b", "/deliveries?type=a.b",
        "/deliveries?status=succeeded", "/events?project=p", "/events?project=q",
    ];

    [Fact]
    public async Task No_list_shows_anything_of_another_tenant()
    {
        var worlds = new List<World>();
        await using var receiver = await Receiver.StartAsync();
        foreach (var customer in new[] { await api.CustomerAsync(), await api.CustomerAsync() })
        {
            foreach (var project in new[] { "p", "q" }) worlds.Add(await WorldAsync(customer, project, receiver.Url));
        }

        foreach (var world in worlds)
        {
            using var bound = await world.Customer.ClientAsync("admin", world.Project);
            foreach (var list in Lists)
            {
                var ofProject = (await bound.CallAsync(200, $"GET {list}")).ToString();
                var ofOrganization = (await world.Customer.Admin.CallAsync(200, $"GET {list}")).ToString();
                foreach (var other in worlds.Where(w => w != world))
                {
                    Assert.All(other.Ids, id => Assert.DoesNotContain(id, ofProject, StringComparison.Ordinal));
                    if (other.Customer != world.Customer) Assert.All(other.Ids, id => Assert.DoesNotContain(id, ofOrganization, StringComparison.Ordinal));
                }
            }

            // The same lists are not simply empty.
            foreach (var list in Lists[1..5]) Assert.NotEmpty((await bound.CallAsync(200, $"GET {list}")).Data());
        }
    }

    [Fact]
    public async Task A_cursor_of_one_tenant_leads_another_only_to_its_own()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        foreach (var customer in new[] { one, other, one, other })
        {
            await customer.RegisterAsync(new Uri("https://example.com/"), "\"enabled\":false");
            await customer.PublishAsync();
            await customer.Admin.CallAsync(201, "POST /projects", "{}");
            await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""");
        }

        foreach (var list in new[] { "/projects", "/api-keys", "/integrations", "/events" })
        {
            var mine = (await other.Admin.CallAsync(200, $"GET {list}")).Data().Select(d => d.Text("id")).ToHashSet();
            var cursor = (await one.Admin.CallAsync(200, $"GET {list}?limit=1")).Text("next_cursor");

            var page = (await other.Admin.CallAsync(200, $"GET {list}?cursor={cursor}")).Data();

            Assert.NotEmpty(page);
            Assert.All(page, d => Assert.Contains(d.Text("id"), mine));
        }
    }

    [Fact]
    public async Task A_key_of_a_project_learns_nothing_of_an_event_of_another_project_that_has_its_id()
    {
        var customer = await api.CustomerAsync();
        using var ofP = await customer.ClientAsync("emitter", "p");
        using var ofQ = await customer.ClientAsync("emitter", "q");
        using var reader = await customer.ClientAsync("member", "q");
        const string body = """{"type":"a.b","payload":{"of":"it"},"id":"order-1"}""";
        var first = (await ofP.CallAsync(202, "POST /events", body)).Text("id");

        var refused = await ofQ.RefusalAsync(409, "POST /events", body);
        var batch = (await ofQ.CallAsync(202, "POST /events/batch", $$"""[{{body}},{"type":"a.b","payload":{},"id":"order-2"}]""")).Data();

        Assert.DoesNotContain(first, refused.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(first, batch[0].ToString(), StringComparison.Ordinal);
        Http.AssertProblem(batch[0].GetProperty("error"), 409);
        Assert.StartsWith("evt_", batch[1].Text("id"), StringComparison.Ordinal);
        await reader.RefusalAsync(404, "GET /events/order-1");
        Assert.Equal([batch[1].Text("id")], (await reader.CallAsync(200, "GET /events")).Data().Select(e => e.Text("id")));
        // Whoever may see the event gets it, as ever.
        Assert.Equal(first, (await ofP.CallAsync(200, "POST /events", body)).Text("id"));
        Assert.Equal(first, (await customer.Admin.CallAsync(200, "POST /events", body)).Text("id"));
    }

    [Fact]
    public async Task A_key_of_a_project_learns_nothing_of_a_job_of_another_project_that_has_its_id()
    {
        var customer = await api.CustomerAsync();
        using var ofQ = await customer.ClientAsync("admin", "q");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"extract","id":"j","project":"p"}""");
        await customer.Admin.CallAsync(200, "PATCH /jobs/j", """{"status":"processing"}""");

        var refused = await ofQ.RefusalAsync(409, "POST /jobs", """{"kind":"parse","id":"j"}""");
        var batch = (await ofQ.CallAsync(
            202, "POST /jobs/batch", """[{"kind":"parse","id":"j"},{"id":"j","status":"successful"},{"id":"none","status":"successful"}]""")).Data();

        foreach (var text in new[] { refused.ToString(), batch[0].ToString(), batch[1].ToString() })
        {
            Assert.DoesNotContain("processing", text, StringComparison.Ordinal);
            Assert.DoesNotContain("extract", text, StringComparison.Ordinal);
        }

        Http.AssertProblem(batch[0].GetProperty("error"), 409);
        Http.AssertProblem(batch[1].GetProperty("error"), 404);
        // A move of another's job reads as one of a job that is not there.
        Assert.Equal(
            batch[2].GetProperty("error").Text("detail").Replace("none", "j", StringComparison.Ordinal), batch[1].GetProperty("error").Text("detail"));
        Assert.Equal("processing", (await customer.Admin.CallAsync(200, "GET /jobs/j")).Text("status"));
    }

    [Fact]
    public async Task An_integration_of_a_project_and_an_inbox_gets_nothing_of_the_same_inbox_elsewhere_also_by_replay()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        using var ofP = await customer.ClientAsync("admin", "p");
        var before = await customer.PublishAsync(members: "\"project\":\"q\",\"inbox\":\"box\"");
        var integration = (await ofP.CallAsync(
            201, "POST /integrations", $$"""{"type":"webhook","events":["*"],"target":"{{receiver.Url}}","inbox":"box"}""")).Text("id");

        var elsewhere = await customer.PublishAsync(members: "\"project\":\"q\",\"inbox\":\"box\"");
        var mine = await customer.PublishAsync(members: "\"project\":\"p\",\"inbox\":\"box\"");
        foreach (var call in new[] { "replay", "recover" })
            await ofP.CallAsync(202, $"POST /integrations/{integration}/{call}", """{"since":"2024-01-01T00:00:00Z"}""");
        await Eventually.TrueAsync(
            async () => (await ofP.CallAsync(200, $"GET /integrations/{integration}/tasks")).Data().All(t => t.Text("status") == "completed"),
            "both tasks have ended");
        var last = await customer.PublishAsync(members: "\"project\":\"p\",\"inbox\":\"box\"");

        await receiver.WaitForAsync(2);
        Assert.Equal(new[] { mine, last }.Order(StringComparer.Ordinal), receiver.All.Select(p => p.Id).Distinct().Order(StringComparer.Ordinal));
        Assert.DoesNotContain(receiver.All, p => p.Id == before || p.Id == elsewhere);
    }

    [Fact]
    public async Task An_integration_that_was_moved_to_a_project_recovers_nothing_of_the_one_it_came_from()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        using var ofP = await customer.ClientAsync("admin", "p");
        var integration = (await customer.RegisterAsync(
            new Uri("http://127.0.0.1:9/"), "\"project\":\"q\",\"retry\":{\"max_attempts\":1}", "\"a.b\"")).Text("id");
        var elsewhere = await customer.PublishAsync(members: "\"project\":\"q\"");
        await customer.DeliveryAsync($"event={elsewhere}", "exhausted");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{integration}", """{"project":"p"}""");
        var mine = await customer.PublishAsync(members: "\"project\":\"p\"");
        await customer.DeliveryAsync($"event={mine}", "exhausted");
        await ofP.CallAsync(200, $"PATCH /integrations/{integration}", $$"""{"target":"{{receiver.Url}}"}""");

        await ofP.CallAsync(202, $"POST /integrations/{integration}/recover", """{"since":"2024-01-01T00:00:00Z"}""");
        await Eventually.TrueAsync(
            async () => (await ofP.CallAsync(200, $"GET /integrations/{integration}/tasks")).Data().All(t => t.Text("status") == "completed"),
            "the recovery has ended");

        Assert.Equal(mine, (await receiver.WaitForAsync(1))[0].Id);
        await customer.DeliveryAsync($"event={mine}", "succeeded");
        await customer.DeliveryAsync($"event={elsewhere}", "exhausted");
    }

    [Fact]
    public async Task One_Idempotency_Key_of_two_tenants_is_two()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        using var ofP = await one.ClientAsync("emitter", "p");
        const string body = """{"type":"a.b","payload":{}}""";
        var ids = new HashSet<string>();
        foreach (var client in new[] { one.Admin, other.Admin, ofP })
        {
            using var answer = await client.RequestAsync("POST /events", body, idempotencyKey: "the-same");
            ids.Add((await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Accepted)).Text("id"));
        }

        Assert.Equal(3, ids.Count);
    }

    [Fact]
    public async Task A_deleted_organization_leaves_nothing_to_whoever_has_its_id_next()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = (await customer.RegisterAsync(receiver.Url)).Text("id");
        var failing = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"base_seconds\":3600}")).Text("id");
        var old = await customer.PublishAsync(members: "\"id\":\"order-1\",\"ordering_key\":\"k\"");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        var kept = Guid.NewGuid().ToString();
        using (await api.Operator.RequestAsync($"POST /events?organization={customer.Id}", """{"type":"c.d","payload":{}}""", idempotencyKey: kept)) { }
        await customer.DeliveryAsync($"event={old}&integration={integration}", "succeeded");
        var waiting = (await customer.DeliveryAsync($"event={old}&integration={failing}", "failed")).Text("id");
        await customer.Admin.CallAsync(200, $"GET /integrations/{integration}/stats");
        foreach (var id in new[] { integration, failing }) await customer.Admin.CallAsync(204, $"DELETE /integrations/{id}");

        await api.Operator.CallAsync(204, $"DELETE /organizations/{customer.Id}");

        await customer.Admin.RefusalAsync(401, "GET /events");
        await api.Operator.RefusalAsync(404, $"GET /events?organization={customer.Id}");
        await api.Operator.RefusalAsync(404, $"DELETE /organizations/{customer.Id}");

        await api.Operator.CallAsync(201, "POST /organizations", $$"""{"id":"{{customer.Id}}"}""");
        using var next = await api.Server.ClientOfAsync("admin", customer.Id);
        await customer.Admin.RefusalAsync(401, "GET /events");
        foreach (var list in new[] { "/events", "/deliveries", "/integrations" }) Assert.Empty((await next.CallAsync(200, $"GET {list}")).Data());
        foreach (var call in new[] { $"GET /events/{old}", "GET /events/order-1", $"GET /deliveries/{waiting}", $"POST /deliveries/{waiting}/retry", "GET /jobs/j" })
            await next.RefusalAsync(404, call);
        Assert.Empty((await next.CallAsync(200, "GET /audit?action=integration.created")).Data());
        using (var answer = await api.Operator.RequestAsync($"POST /events?organization={customer.Id}", """{"type":"c.d","payload":{}}""", idempotencyKey: kept))
            Assert.False(answer.Headers.Contains("Idempotent-Replayed"));
        await next.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        Assert.NotEqual(old, (await next.CallAsync(202, "POST /events", """{"type":"a.b","payload":{},"id":"order-1"}""")).Text("id"));
        var stats = await api.Operator.CallAsync(200, $"GET /stats?organization={customer.Id}");
        Assert.Equal(0, stats.GetProperty("deliveries").GetProperty("succeeded").GetInt64());
    }

    [Fact]
    public async Task What_a_request_under_way_stores_for_a_deleted_organization_is_erased_too()
    {
        var customer = await api.CustomerAsync();
        await api.Operator.CallAsync(204, $"DELETE /organizations/{customer.Id}");
        await using var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var late = new NpgsqlCommand(
            "SELECT count(*) FROM dispatcher.accept(ARRAY[$1], ARRAY[NULL], ARRAY[NULL], ARRAY['a.b'], ARRAY[NULL::uuid], ARRAY[$2], ARRAY[1], ARRAY['{}'::bytea], NULL, ARRAY['late'], NULL, 0, NULL)",
            connection)
        { Parameters = { new() { Value = customer.Id }, new() { Value = Guid.CreateVersion7() } } };
        await late.ExecuteScalarAsync();

        await Eventually.TrueAsync(async () =>
        {
            await using var left = new NpgsqlCommand(
                "SELECT (SELECT count(*) FROM dispatcher.event WHERE organization_id = $1) + (SELECT count(*) FROM dispatcher.event_dedupe WHERE organization_id = $1)",
                connection)
            { Parameters = { new() { Value = customer.Id } } };
            return (long)(await left.ExecuteScalarAsync())! == 0;
        }, "the late event is gone");
    }

    [Fact]
    public async Task Keys_of_a_deleted_project_stop_working_and_what_it_did_stays_with_the_organization()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", """{"id":"p"}""");
        using var ofP = await customer.ClientAsync("admin", "p");
        using var ofQ = await customer.ClientAsync("admin", "q");
        var id = (await ofP.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""")).Text("id");
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/"), "\"project\":\"p\",\"enabled\":false")).Text("id");
        await customer.Admin.RefusalAsync(409, "DELETE /projects/p");
        await customer.Admin.CallAsync(204, $"DELETE /integrations/{integration}");

        await customer.Admin.CallAsync(204, "DELETE /projects/p");

        await ofP.RefusalAsync(401, "GET /events");
        await ofP.RefusalAsync(401, "POST /events", """{"type":"a.b","payload":{}}""");
        await ofQ.CallAsync(200, "GET /events");
        await customer.Admin.CallAsync(200, $"GET /events/{id}");
        await customer.Admin.RefusalAsync(404, "DELETE /projects/p");
    }

    /// <summary>Something of everything in a project.</summary>
    private static async Task<World> WorldAsync(Customer customer, string project, Uri receiver)
    {
        var of = $"\"project\":\"{project}\"";
        var key = (await customer.Admin.CallAsync(201, "POST /api-keys", $$"""{"role":"member",{{of}}}""")).Text("id");
        var integration = (await customer.RegisterAsync(receiver, of)).Text("id");
        var published = await customer.PublishAsync(members: $"{of},\"inbox\":\"box\"");
        var delivery = (await customer.DeliveryAsync($"event={published}", "succeeded")).Text("id");
        return new World(customer, project, [key, integration, published, delivery]);
    }

    private sealed record World(Customer Customer, string Project, string[] Ids);
}
