// Reading the audit trail: what entries say and never say, who reads them, filters and pages, the server's own doings, retention.

using System.Globalization;
using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Auditing;

public sealed class AuditTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private static readonly Uri Nowhere = new("https://example.com/a");

    [Fact]
    public async Task A_change_is_read_back_with_who_made_it_when_and_what_it_changed()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(Nowhere, "\"project\":\"p\"")).Text("id");
        var before = DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        using var request = new HttpRequestMessage(HttpMethod.Patch, $"/integrations/{id}");
        request.Headers.Add("X-Request-Id", "from-the-proxy-17");
        request.Content = TestServer.Json("""{"name":"ERP","max_concurrency":3,"enabled":false,"project":"p"}""");
        using var answer = await customer.Admin.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.True(answer.IsSuccessStatusCode);

        var entry = (await customer.Admin.CallAsync(200, "GET /audit?action=integration.disabled")).Data().Single();

        Assert.Equal(
            ["id", "at", "action", "actor", "target", "organization", "project", "details", "remote_address", "request_id"], entry.Members());
        Assert.StartsWith("aud_", entry.Text("id"), StringComparison.Ordinal);
        Assert.InRange(entry.GetProperty("at").GetDateTimeOffset(), before, TimeProvider.System.GetUtcNow());
        Http.AssertJson($$"""{"kind":"integration","id":"{{id}}"}""", entry.GetProperty("target"));
        Assert.Equal(("p", "127.0.0.1", "from-the-proxy-17"), (entry.Text("project"), entry.Text("remote_address"), entry.Text("request_id")));
        Http.AssertJson(
            """{"changes":[{"member":"name","from":null,"to":"ERP"},{"member":"enabled","from":true,"to":false},{"member":"max_concurrency","from":null,"to":3}]}""",
            entry.GetProperty("details"));
        Http.AssertJson(entry.ToString(), await customer.Admin.CallAsync(200, $"GET /audit/{entry.Text("id")}"));
    }

    [Fact]
    public async Task A_request_without_an_id_of_its_own_has_the_one_that_the_logs_give_it()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", "{}");

        var entry = (await customer.Admin.CallAsync(200, "GET /audit?action=project.created")).Data().Single();

        Assert.Matches("^[0-9A-Z]+:[0-9A-F]{8}$", entry.Text("request_id"));
    }

    [Fact]
    public async Task No_secret_is_in_any_entry_but_the_names_of_what_changed_are()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var client = server.Client;
        const string given = "whsec_Z2l2ZW4tYnktdGhlLWN1c3RvbWVyLTEyMw==";
        var made = await client.CallAsync(201, "POST /integrations",
            """
            {"type":"webhook","events":["*"],"target":"https://example.com/hook?token=hush-query","headers":{"X-Tenant":"hush-header","X-Kept":"hush-kept"},
             "basic_auth":{"username":"erp","password":"hush-password"},"metadata":{"team":"hush-metadata"}}
            """);
        var id = made.Text("id");
        var rotated = await client.CallAsync(200, $"POST /integrations/{id}/secret/rotate", "{}");
        await client.CallAsync(200, $"POST /integrations/{id}/secret/rotate", $$"""{"secret":"{{given}}"}""");
        await client.CallAsync(200, $"GET /integrations/{id}/secret");
        await client.CallAsync(200, $"PATCH /integrations/{id}",
            """
            {"headers":{"x-tenant":"hush-new-header","X-Added":"hush-added"},"basic_auth":{"password":"hush-new-password"},
             "metadata":{"team":"hush-new-metadata"},"target":"https://example.com/hook?token=hush-new-query"}
            """);
        await client.CallAsync(200, $"PUT /integrations/{id}", """{"type":"webhook","events":["*"],"target":"https://example.com/other?key=hush-last"}""");
        await client.CallAsync(200, $"PATCH /integrations/{id}", """{"headers":{"X-One":"hush-one"}}""");
        var key = await client.CallAsync(201, "POST /api-keys", """{"role":"admin","organization":"default"}""");
        await client.CallAsync(204, $"DELETE /api-keys/{key.Text("id")}");
        await client.CallAsync(201, "POST /event-types", """{"name":"t.t","example":{"card":"hush-example"}}""");
        await client.CallAsync(200, "PUT /event-types/t.t", """{"example":{"card":"hush-new-example"}}""");
        await client.CallAsync(204, "DELETE /event-types/t.t");
        await client.CallAsync(204, $"DELETE /integrations/{id}");

        var all = await new Records(server.ConnectionString).ScalarAsync<string>("SELECT string_agg(a::text, E'\\n') FROM dispatcher.audit a");
        foreach (var secret in new[] { "hush", given[6..], made.Text("secret")[6..], rotated.Text("secret")[6..], key.Text("key")[4..], TestServer.OperatorKey })
            Assert.DoesNotContain(secret, all, StringComparison.OrdinalIgnoreCase);

        var patched = (await client.CallAsync(200, $"GET /audit?target={id}&action=integration.updated")).Data()[^1];
        Http.AssertJson(
            """
            {"changes":[{"member":"target"},{"member":"headers.X-Tenant"},{"member":"headers.X-Added"},{"member":"basic_auth.password"},{"member":"metadata"}]}
            """,
            patched.GetProperty("details"));
    }

    [Fact]
    public async Task An_organization_reads_its_own_entries_and_no_others()
    {
        var (one, two) = (await api.CustomerAsync(), await api.CustomerAsync());
        await one.Admin.CallAsync(201, "POST /projects", """{"id":"a"}""");
        await api.Operator.CallAsync(201, $"POST /projects?organization={one.Id}", """{"id":"b"}""");
        var mine = (await one.Admin.CallAsync(200, "GET /audit?action=project.created")).Data();
        Assert.Equal(["b", "a"], mine.Select(e => e.GetProperty("target").Text("id")));
        Assert.Equal(["operator_key", "key"], mine.Select(e => e.GetProperty("actor").Text("kind")));

        Assert.Empty((await two.Admin.CallAsync(200, "GET /audit?action=project.created")).Data());
        await two.Admin.RefusalAsync(404, $"GET /audit/{mine[0].Text("id")}");
        await two.Admin.RefusalAsync(404, $"GET /audit?organization={one.Id}");
        Assert.Equal(2, (await api.Operator.CallAsync(200, $"GET /audit?organization={one.Id}&action=project.created")).Data().Count);
        await api.Operator.CallAsync(200, $"GET /audit/{mine[0].Text("id")}?organization={one.Id}");
    }

    [Fact]
    public async Task A_key_of_one_project_reads_what_concerns_its_project()
    {
        var customer = await api.CustomerAsync();
        var mine = (await customer.RegisterAsync(Nowhere, "\"project\":\"mine\"")).Text("id");
        await customer.RegisterAsync(Nowhere, "\"project\":\"theirs\"");
        await customer.RegisterAsync(Nowhere);
        using var client = await customer.ClientAsync("admin", "mine");

        var entries = (await client.CallAsync(200, "GET /audit")).Data();

        Assert.Equal(["api_key.created", "integration.created"], entries.Select(e => e.Text("action")));
        Assert.Equal(mine, entries[1].GetProperty("target").Text("id"));
        await client.CallAsync(200, $"GET /audit/{entries[1].Text("id")}");
        var other = (await customer.Admin.CallAsync(200, "GET /audit?action=integration.created&limit=1")).Data()[0];
        await client.RefusalAsync(404, $"GET /audit/{other.Text("id")}");
    }

    [Fact]
    public async Task The_servers_own_entries_are_for_operators()
    {
        var customer = await api.CustomerAsync();

        var entry = (await api.Operator.CallAsync(200, $"GET /audit?scope=server&target={customer.Id}")).Data().Single();

        Assert.Equal("organization.created", entry.Text("action"));
        Assert.Equal(JsonValueKind.Null, entry.GetProperty("organization").ValueKind);
        await api.Operator.CallAsync(200, $"GET /audit/{entry.Text("id")}");
        await customer.Admin.RefusalAsync(403, "GET /audit?scope=server");
        await customer.Admin.RefusalAsync(404, $"GET /audit/{entry.Text("id")}");
        Assert.Empty((await customer.Admin.CallAsync(200, $"GET /audit?target={customer.Id}")).Data());
    }

    [Fact]
    public async Task Filters_narrow_the_list()
    {
        var customer = await api.CustomerAsync();
        var key = await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"admin","name":"second"}""");
        using var second = api.Server.ClientWith(key.Text("key"));
        var id = (await customer.RegisterAsync(Nowhere)).Text("id");
        await second.CallAsync(200, $"GET /integrations/{id}/secret");
        await second.CallAsync(201, "POST /projects", """{"id":"a"}""");
        await api.Operator.CallAsync(204, $"DELETE /projects/a?organization={customer.Id}");
        var all = (await customer.Admin.CallAsync(200, "GET /audit")).Data();

        Assert.Equal(
            ["project.deleted", "project.created", "secret.read", "integration.created", "api_key.created", "api_key.created"], all.Select(e => e.Text("action")));
        await AssertListAsync($"actor={key.Text("id")}", "project.created", "secret.read");
        await AssertListAsync("actor=operator_key", "project.deleted", "api_key.created");
        await AssertListAsync("actor=server");
        await AssertListAsync($"target={id}", "secret.read", "integration.created");
        await AssertListAsync($"target={id}&actor={key.Text("id")}", "secret.read");
        await AssertListAsync("action=project.created", "project.created");
        await AssertListAsync("since=2999-01-01T00:00:00Z");
        await AssertListAsync("until=2001-01-01T00:00:00Z");
        await AssertListAsync("since=2001-01-01T00:00:00Z&until=2999-01-01T00:00:00Z&action=secret.read", "secret.read");

        async Task AssertListAsync(string filter, params string[] actions) =>
            Assert.Equal(actions, (await customer.Admin.CallAsync(200, $"GET /audit?{filter}")).Data().Select(e => e.Text("action")));
    }

    [Theory]
    [InlineData("action=integration.changed", "action")]
    [InlineData("actor=a%20b", "actor")]
    [InlineData("target=a%20b", "target")]
    [InlineData("since=yesterday", "since")]
    [InlineData("until=yesterday", "until")]
    [InlineData("scope=all", "scope")]
    [InlineData("limit=251", "limit")]
    [InlineData("cursor=!", "cursor")]
    public async Task A_filter_that_means_nothing_is_422(string filter, string member) =>
        await api.Operator.RefusalAsync(422, $"GET /audit?{filter}", null, member);

    [Theory]
    [InlineData("")]
    [InlineData("&action=project.created")]
    public async Task Pages_are_newest_first_and_hold_each_entry_once(string filter)
    {
        var customer = await api.CustomerAsync();
        for (var i = 0; i < 5; i++) await customer.Admin.CallAsync(201, "POST /projects", $$"""{"id":"p{{i}}"}""");

        var pages = await PagesAsync(customer.Admin, $"/audit?limit=2{filter}");

        var targets = pages.SelectMany(p => p).Select(e => e.GetProperty("target").Text("id")).ToList();
        Assert.Equal(["p4", "p3", "p2", "p1", "p0"], targets.Take(5));
        Assert.Equal(filter.Length > 0 ? 5 : 6, targets.Count);
        Assert.All(pages, p => Assert.InRange(p.Count, 0, 2));
    }

    [Fact]
    public async Task What_few_entries_match_is_found_behind_many_that_do_not()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", """{"id":"rare"}""");
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"""
            INSERT INTO dispatcher.audit (organization_id, id, action, actor_kind, target_kind, target_id)
            SELECT '{customer.Id}', dispatcher.uuid_v7(), 'secret.read', 'server', 'integration', 'int_' || n FROM generate_series(1, 30000) n
            """);

        var pages = await PagesAsync(customer.Admin, "/audit?action=project.created");

        Assert.Equal("rare", Assert.Single(pages.SelectMany(p => p)).GetProperty("target").Text("id"));
    }

    [Fact]
    public async Task An_integration_that_is_gone_is_noted_as_disabled_by_the_server()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(410);
        var id = (await customer.RegisterAsync(receiver.Url, "\"project\":\"p\"")).Text("id");
        await customer.PublishAsync(members: "\"project\":\"p\"");
        await Eventually.TrueAsync(
            async () => !(await customer.Admin.CallAsync(200, $"GET /integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled");

        // With the change, not after it.
        var entry = Assert.Single((await customer.Admin.CallAsync(200, $"GET /audit?target={id}&action=integration.disabled")).Data());
        AssertByServer(entry, "gone");
        Assert.Equal("p", entry.Text("project"));
    }

    [Fact]
    public async Task An_integration_that_fails_for_too_long_is_noted_as_disabled_by_the_server()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            // Just under a second.
            ["Dispatcher:Delivery:DisableAfterDays"] = "0.00001",
            ["Dispatcher:Retry:BaseSeconds"] = "0.5",
        });
        var id = (await server.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");
        await server.PublishAsync("a.b");
        await Eventually.TrueAsync(
            async () => !(await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled");

        AssertByServer(Assert.Single((await server.GetAsync($"/audit?target={id}&action=integration.disabled")).Data()), "failing");
    }

    [Fact]
    public async Task A_disabling_that_cannot_be_noted_does_not_happen()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var records = new Records(server.ConnectionString);
        await using var receiver = await Receiver.StartAsync(410);
        var id = (await server.RegisterAsync(receiver.Url)).Text("id");
        await records.ExecuteAsync("ALTER TABLE dispatcher.audit RENAME TO audit_away");
        await server.PublishAsync("a.b");
        JsonElement delivery = default;
        await Eventually.TrueAsync(
            async () => (delivery = (await server.GetAsync("/deliveries")).Data().Single()).Text("status") == "failed", "the attempt was made, and is to be made again");

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
        Assert.Equal(0, await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.event WHERE type = 'integration.disabled'"));

        await records.ExecuteAsync("ALTER TABLE dispatcher.audit_away RENAME TO audit");
        await server.Client.CallAsync(202, $"POST /deliveries/{delivery.Text("id")}/retry");
        await Eventually.TrueAsync(
            async () => !(await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled once that can be noted");
        AssertByServer(Assert.Single((await server.GetAsync($"/audit?target={id}&action=integration.disabled")).Data()), "gone");
    }

    [Fact]
    public async Task The_key_of_the_first_start_is_noted_as_the_servers_doing()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var first = server.Services.GetRequiredService<FirstKey>();

        Assert.NotNull(await first.EnsureAsync(TestContext.Current.CancellationToken));
        Assert.Null(await first.EnsureAsync(TestContext.Current.CancellationToken));

        var entry = Assert.Single((await server.GetAsync("/audit?scope=server&action=api_key.created")).Data());
        Http.AssertJson("""{"kind":"server","id":null,"name":"First start","role":null}""", entry.GetProperty("actor"));
    }

    [Fact]
    public async Task Months_older_than_the_retention_go_as_partitions_and_younger_ones_stay()
    {
        string database;
        await using (var before = await TestServer.StartAsync(postgres)) database = before.ConnectionString;
        var records = new Records(database);
        var today = TimeProvider.System.GetUtcNow().UtcDateTime.Date;
        var (old, young) = (today.AddDays(-35).AddMonths(-1), today.AddDays(-25));
        foreach (var day in new[] { old, young })
        {
            var text = day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            await records.ExecuteAsync($"SELECT dispatcher.ensure_audit_partitions('{text}', '{text}')");
            await records.ExecuteAsync(
                $"""
                INSERT INTO dispatcher.audit (organization_id, id, action, actor_kind, target_kind, target_id)
                VALUES ('default', '{Ids.NewUuid(day.AddHours(1))}', 'project.created', 'server', 'project', '{text}')
                """);
        }

        await using var server = await TestServer.StartAsync(
            postgres, new() { ["Dispatcher:Retention:AuditDays"] = "30" }, connectionString: database);

        var partition = $"dispatcher.audit_{old:yyyyMM}01";
        await Eventually.TrueAsync(
            async () => await records.ScalarAsync<bool>($"SELECT to_regclass('{partition}') IS NULL"), "the old month's partition is gone");
        var left = Assert.Single((await server.GetAsync("/audit?action=project.created")).Data());
        Assert.Equal(young.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), left.GetProperty("target").Text("id"));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("3651")]
    public async Task A_retention_out_of_range_ends_the_start_by_its_name(string days)
    {
        var refusal = await Assert.ThrowsAsync<ConfigurationException>(
            () => TestServer.StartAsync(postgres, new() { ["Dispatcher:Retention:AuditDays"] = days }, connectionString: api.Server.ConnectionString));

        Assert.Contains("Dispatcher:Retention:AuditDays must be from 1 to 3650.", refusal.Message, StringComparison.Ordinal);
    }

    private static void AssertByServer(JsonElement entry, string reason)
    {
        Http.AssertJson("""{"kind":"server","id":null,"name":null,"role":null}""", entry.GetProperty("actor"));
        Http.AssertJson($$"""{"reason":"{{reason}}"}""", entry.GetProperty("details"));
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (entry.GetProperty("remote_address").ValueKind, entry.GetProperty("request_id").ValueKind));
    }

    /// <summary>All pages of a list; pages of a search may be empty before its end.</summary>
    private static async Task<List<List<JsonElement>>> PagesAsync(HttpClient client, string path)
    {
        var pages = new List<List<JsonElement>>();
        string? cursor = null;
        do
        {
            var page = await client.CallAsync(200, $"GET {path}{(cursor is null ? "" : $"&cursor={cursor}")}");
            pages.Add(page.Data());
            cursor = page.GetProperty("next_cursor").GetString();
            Assert.True(pages.Count < 1000);
        }
        while (cursor is not null);

        return pages;
    }
}
