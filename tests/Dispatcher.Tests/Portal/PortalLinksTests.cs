// Section 8 of the contract: POST /webhook, and what its link's token may do as a credential.

using System.Globalization;
using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Portal;

public sealed class PortalLinksTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private string Root => api.Operator.BaseAddress!.GetLeftPart(UriPartial.Authority);

    [Theory]
    [InlineData("/webhook", null)]
    [InlineData("/webhook", "{}")]
    [InlineData("/v1/webhook", null)]
    public async Task A_link_into_the_portal_works_for_an_hour(string path, string? body)
    {
        var customer = await api.CustomerAsync();
        var before = TimeProvider.System.GetUtcNow();

        using var answer = await customer.Admin.RequestAsync($"POST {path}", body);
        var made = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.OK);

        Assert.Equal(["link", "expires_at"], made.Members());
        Assert.Matches($"^{Root}/portal/dps_[0-9a-f]{{64}}$", made.Text("link"));
        Assert.EndsWith("Z", made.Text("expires_at"), StringComparison.Ordinal);
        Assert.InRange(Time(made) - before, TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
        Assert.True(answer.Headers.CacheControl!.NoStore);
    }

    [Theory]
    [InlineData("""{"expires_in_seconds":59}""", "expires_in_seconds")]
    [InlineData("""{"expires_in_seconds":604801}""", "expires_in_seconds")]
    [InlineData("""{"expires_in_seconds":"60"}""", "expires_in_seconds")]
    [InlineData("""{"role":"operator"}""", "role")]
    [InlineData("""{"role":"emitter"}""", "role")]
    [InlineData("""{"project":"a b"}""", "project")]
    [InlineData("""{"link":"https://example.com/"}""", "link")]
    public Task A_wrong_member_is_refused_by_name(string body, string member) => api.Operator.RefusalAsync(422, "POST /webhook", body, member);

    [Theory]
    [InlineData(60)]
    [InlineData(604_800)]
    public async Task A_link_works_for_as_long_as_was_asked_for(int seconds)
    {
        var before = TimeProvider.System.GetUtcNow();

        var made = await api.Operator.CallAsync(200, "POST /webhook", $$"""{"expires_in_seconds":{{seconds}}}""");

        Assert.InRange((Time(made) - before).TotalSeconds, seconds - 1, seconds + 30);
    }

    [Fact]
    public async Task The_token_is_a_key_of_the_api_with_the_scope_of_the_one_that_made_it()
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var receiver = await Receiver.StartAsync();
        var integration = (await customer.RegisterAsync(receiver.Url)).Text("id");
        await other.RegisterAsync(receiver.Url);
        using var session = await SessionAsync(customer.Admin);

        Assert.Equal(integration, Assert.Single((await session.CallAsync(200, "GET /integrations")).Data()).Text("id"));
        Assert.StartsWith("whsec_", (await session.CallAsync(200, $"GET /integrations/{integration}/secret")).Text("secret"), StringComparison.Ordinal);
        await session.CallAsync(200, $"PATCH /integrations/{integration}", """{"name":"ERP"}""");
        await session.RefusalAsync(404, $"GET /integrations?organization={other.Id}");
        using var byHeader = api.Server.ClientWith(null);
        byHeader.DefaultRequestHeaders.Add("x-api-key", session.DefaultRequestHeaders.Authorization!.Parameter);
        await byHeader.CallAsync(200, $"GET /integrations/{integration}");
    }

    [Fact]
    public async Task A_members_link_only_reads()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = (await customer.RegisterAsync(receiver.Url)).Text("id");
        using var member = await customer.ClientAsync("member");
        await member.RefusalAsync(403, "POST /webhook", """{"role":"admin"}""");

        foreach (var session in new[] { await SessionAsync(member), await SessionAsync(customer.Admin, """{"role":"member"}""") })
        {
            await session.CallAsync(200, $"GET /integrations/{integration}");
            await session.RefusalAsync(403, $"GET /integrations/{integration}/secret");
            await session.RefusalAsync(403, $"POST /integrations/{integration}/secret/rotate", "{}");
            await session.RefusalAsync(403, $"DELETE /integrations/{integration}");
            session.Dispose();
        }
    }

    [Fact]
    public async Task Emitters_make_no_links()
    {
        using var emitter = await (await api.CustomerAsync()).ClientAsync("emitter");

        await emitter.RefusalAsync(403, "POST /webhook");
    }

    [Fact]
    public async Task A_session_makes_and_ends_no_credentials()
    {
        var customer = await api.CustomerAsync();
        var key = (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""")).Text("id");
        using var session = await SessionAsync(customer.Admin);
        var id = Assert.Single((await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data()).Text("id");

        await session.RefusalAsync(403, "POST /webhook");
        await session.RefusalAsync(403, "POST /api-keys", """{"role":"member"}""");
        await session.RefusalAsync(403, "GET /api-keys");
        await session.RefusalAsync(403, $"DELETE /api-keys/{key}");
        await session.RefusalAsync(403, "GET /portal-sessions");
        await session.RefusalAsync(403, $"DELETE /portal-sessions/{id}");
    }

    [Fact]
    public async Task A_link_for_a_project_shows_that_project_alone()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "\"project\":\"q\"");
        var mine = (await customer.RegisterAsync(receiver.Url, "\"project\":\"p\"")).Text("id");
        using var key = await customer.ClientAsync("admin", "p");
        await key.RefusalAsync(403, "POST /webhook", """{"project":"q"}""");

        foreach (var session in new[] { await SessionAsync(key), await SessionAsync(customer.Admin, """{"project":"p"}""") })
        {
            Assert.Equal(mine, Assert.Single((await session.CallAsync(200, "GET /integrations")).Data()).Text("id"));
            session.Dispose();
        }
    }

    [Fact]
    public async Task An_operator_makes_links_for_the_organization_that_it_names()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = (await customer.RegisterAsync(receiver.Url)).Text("id");

        using var session = await SessionAsync(api.Operator, path: $"/webhook?organization={customer.Id}");

        Assert.Equal(integration, Assert.Single((await session.CallAsync(200, "GET /integrations")).Data()).Text("id"));
        await session.RefusalAsync(403, "GET /organizations");
        await api.Operator.RefusalAsync(404, "POST /webhook?organization=nobody");
    }

    [Fact]
    public async Task The_same_Idempotency_Key_gives_the_same_link_and_sessions_do_not_share_theirs()
    {
        var customer = await api.CustomerAsync();
        using var first = await customer.Admin.RequestAsync("POST /webhook", "{}", idempotencyKey: "once");
        using var again = await customer.Admin.RequestAsync("POST /webhook", "{}", idempotencyKey: "once");
        Assert.Equal(await first.Content.ReadAsStringAsync(), await again.Content.ReadAsStringAsync());
        Assert.Single((await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data());

        using var one = await SessionAsync(customer.Admin);
        using var other = await SessionAsync(customer.Admin);
        var made = new List<string>();
        foreach (var session in new[] { one, other })
        {
            using var answer = await session.RequestAsync(
                "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""", idempotencyKey: "mine");
            made.Add((await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Created)).Text("id"));
        }

        Assert.NotEqual(made[0], made[1]);
    }

    [Fact]
    public async Task A_session_ends_with_the_key_that_made_it()
    {
        var customer = await api.CustomerAsync();
        var soon = TimeProvider.System.GetUtcNow().AddSeconds(2);
        var brief = await customer.Admin.CallAsync(201, "POST /api-keys", JsonSerializer.Serialize(new { role = "admin", expires_at = soon }));
        var revoked = await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"admin"}""");
        using var briefKey = api.Server.ClientWith(brief.Text("key"));
        using var revokedKey = api.Server.ClientWith(revoked.Text("key"));
        var link = await briefKey.CallAsync(200, "POST /webhook");
        using var ofBrief = SessionOf(link);
        using var ofRevoked = await SessionAsync(revokedKey);
        await ofRevoked.CallAsync(200, "GET /integrations");

        await customer.Admin.CallAsync(204, $"DELETE /api-keys/{revoked.Text("id")}");

        await ofRevoked.RefusalAsync(401, "GET /integrations");
        Assert.Equal(brief.Text("expires_at"), link.Text("expires_at"));
        await EventuallyRefusedAsync(ofBrief);
        using var visitor = new Visitor(api.Operator);
        Assert.Contains("This link has ended", await visitor.PageAsync(link.Text("link"), 410), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_ends_with_its_project_and_with_its_organization()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", """{"id":"p"}""");
        using var ofProject = await SessionAsync(customer.Admin, """{"project":"p"}""");
        using var ofOperator = await SessionAsync(api.Operator, path: $"/webhook?organization={customer.Id}");
        await ofProject.CallAsync(200, "GET /integrations");
        await ofOperator.CallAsync(200, "GET /integrations");

        await customer.Admin.CallAsync(204, "DELETE /projects/p");
        await ofProject.RefusalAsync(401, "GET /integrations");
        await ofOperator.CallAsync(200, "GET /integrations");

        await api.Operator.CallAsync(204, $"DELETE /organizations/{customer.Id}");
        await ofOperator.RefusalAsync(401, "GET /integrations");
    }

    [Fact]
    public async Task Sessions_are_listed_without_their_tokens_and_ended_one_by_one()
    {
        var (customer, stranger) = (await api.CustomerAsync(), await api.CustomerAsync());
        using var kept = await SessionAsync(customer.Admin);
        var link = await customer.Admin.CallAsync(200, "POST /webhook", """{"project":"p","role":"member"}""");
        using var session = SessionOf(link);
        await session.CallAsync(200, "GET /integrations");

        var list = await customer.Admin.CallAsync(200, "GET /portal-sessions");

        Assert.Equal(2, list.Data().Count);
        Assert.Equal(["id", "role", "organization", "project", "created_by", "created_at", "expires_at"], list.Data()[0].Members());
        Assert.Equal(("member", customer.Id, "p", link.Text("expires_at")),
            (list.Data()[0].Text("role"), list.Data()[0].Text("organization"), list.Data()[0].Text("project"), list.Data()[0].Text("expires_at")));
        Assert.StartsWith("key_", list.Data()[0].Text("created_by"), StringComparison.Ordinal);
        Assert.DoesNotContain("dps_", list.ToString(), StringComparison.Ordinal);
        var id = list.Data()[0].Text("id");
        Assert.Matches("^pts_[0-9a-f]{32}$", id);
        await stranger.Admin.RefusalAsync(404, $"DELETE /portal-sessions/{id}");
        await customer.Admin.CallAsync(204, $"DELETE /portal-sessions/{id}");
        await customer.Admin.RefusalAsync(404, $"DELETE /portal-sessions/{id}");
        await session.RefusalAsync(401, "GET /integrations");
        await kept.CallAsync(200, "GET /integrations");
        Assert.Single((await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data());
    }

    [Fact]
    public async Task Other_nodes_hear_of_an_end_and_a_changed_operator_key_ends_what_the_old_one_made()
    {
        var customer = await api.CustomerAsync();
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        await using (var old = source.CreateCommand(
            $"""
            INSERT INTO dispatcher.portal_session (organization_id, id, role, hash, created_at, expires_at)
            VALUES ('{customer.Id}', gen_random_uuid(), 'admin', sha256('old'), now() - interval '2 days', now() - interval '25 hours')
            """))
            await old.ExecuteNonQueryAsync();
        using var ofOperator = await SessionAsync(api.Operator);
        await ofOperator.CallAsync(200, "GET /integrations");
        var made = await customer.Admin.CallAsync(200, "POST /webhook");

        await using var otherNode = await TestServer.StartAsync(
            postgres, new()
            {
                ["Dispatcher:OperatorKey"] = "another-operator-key",
                // What it was until now has encrypted what is stored.
                ["Dispatcher:Encryption:Keys:0"] = TestServer.OperatorKey,
            }, connectionString: api.Server.ConnectionString);

        using (var there = otherNode.ClientWith(Token(made)))
        {
            await there.CallAsync(200, "GET /integrations");
            var id = Assert.Single((await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data()).Text("id");
            await customer.Admin.CallAsync(204, $"DELETE /portal-sessions/{id}");
            await EventuallyRefusedAsync(there);
        }

        using (var there = otherNode.ClientWith(ofOperator.DefaultRequestHeaders.Authorization!.Parameter)) await there.RefusalAsync(401, "GET /integrations");
        await Eventually.TrueAsync(async () =>
        {
            await using var count = source.CreateCommand("SELECT count(*) FROM dispatcher.portal_session WHERE hash = sha256('old')");
            return (long)(await count.ExecuteScalarAsync())! == 0;
        }, "maintenance deletes what ended more than a day ago");
    }

    [Fact]
    public async Task No_token_is_stored()
    {
        var token = Token(await api.Operator.CallAsync(200, "POST /webhook"));
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        await using var command = source.CreateCommand("SELECT string_agg(s::text, ' ') FROM dispatcher.portal_session s");

        var stored = (string)(await command.ExecuteScalarAsync())!;

        Assert.DoesNotContain(token[4..], stored, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Links_begin_with_the_public_url_and_pages_may_be_framed_by_the_origins_of_the_settings()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:PublicUrl"] = "https://hooks.example.com/webhooks/",
            ["Dispatcher:Portal:LinkSeconds"] = "120",
            ["Dispatcher:Portal:AllowedOrigins:0"] = "https://app.example.com",
            ["Dispatcher:Portal:AllowedOrigins:1"] = "http://localhost:3000",
        });

        var made = await server.Client.CallAsync(200, "POST /v1/webhook");

        Assert.StartsWith("https://hooks.example.com/webhooks/portal/dps_", made.Text("link"), StringComparison.Ordinal);
        Assert.InRange(Time(made) - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(120));
        using var visitor = new Visitor(server.Client);
        using var entered = await visitor.GetAsync($"/portal/{Token(made)}");
        Assert.Equal("/webhooks/portal", entered.Headers.Location?.OriginalString);
        var cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie"));
        foreach (var part in new[] { "path=/webhooks/portal", "httponly", "secure", "samesite=none", "Partitioned" })
            Assert.Contains(part, cookie.Split("; "), StringComparer.OrdinalIgnoreCase);
        Assert.EndsWith(
            "frame-ancestors 'self' https://app.example.com http://localhost:3000",
            Assert.Single(entered.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);

        // A page of such an origin may call the API from the browser; others may not.
        using var session = server.ClientWith(Token(made));
        foreach (var (origin, call, status, allowed) in new[]
        {
            ("https://app.example.com", "GET /integrations", 200, true),
            ("https://app.example.com", "GET /integrations/int_1", 404, true),
            ("https://app.example.com.evil.example", "GET /integrations", 200, false),
        })
        {
            session.DefaultRequestHeaders.Remove("Origin");
            session.DefaultRequestHeaders.Add("Origin", origin);
            using var answer = await session.RequestAsync(call);
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal(allowed, answer.Headers.Contains("Access-Control-Allow-Origin"));
            Assert.False(answer.Headers.Contains("Access-Control-Allow-Credentials"));
        }

        // Browsers ask first, without the token.
        using var browser = server.ClientWith(null);
        browser.DefaultRequestHeaders.Add("Origin", "https://app.example.com");
        browser.DefaultRequestHeaders.Add("Access-Control-Request-Method", "PATCH");
        browser.DefaultRequestHeaders.Add("Access-Control-Request-Headers", "authorization,content-type");
        using var asked = await browser.RequestAsync("OPTIONS /integrations/int_1");
        Assert.Equal(
            (204, "https://app.example.com", "PATCH"),
            ((int)asked.StatusCode, asked.Headers.GetValues("Access-Control-Allow-Origin").Single(), asked.Headers.GetValues("Access-Control-Allow-Methods").Single()));
    }

    [Theory]
    [InlineData("Dispatcher:Portal:LinkSeconds", "59", "Dispatcher:Portal:LinkSeconds")]
    [InlineData("Dispatcher:Portal:AllowedOrigins:0", "https://app.example.com/", "Dispatcher:Portal:AllowedOrigins:0")]
    [InlineData("Dispatcher:Portal:AllowedOrigins:0", "https://*.example.com", "Dispatcher:Portal:AllowedOrigins:0")]
    [InlineData("Dispatcher:Portal:AllowedOrigins:0", "app.example.com; script-src *", "Dispatcher:Portal:AllowedOrigins:0")]
    [InlineData("Dispatcher:Portal:AllowedOrigins:0", "*", "Dispatcher:Portal:AllowedOrigins:0")]
    public async Task A_wrong_setting_ends_the_start_by_its_name(string key, string value, string named)
    {
        var error = await Assert.ThrowsAsync<ConfigurationException>(() => TestServer.StartAsync(postgres, new() { [key] = value }));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    private static string Token(JsonElement link) => link.Text("link")[(link.Text("link").LastIndexOf('/') + 1)..];

    private static DateTimeOffset Time(JsonElement link) => DateTimeOffset.Parse(link.Text("expires_at"), CultureInfo.InvariantCulture);

    private HttpClient SessionOf(JsonElement link) => api.Server.ClientWith(Token(link));

    private async Task<HttpClient> SessionAsync(HttpClient maker, string? body = null, string path = "/webhook") =>
        SessionOf(await maker.CallAsync(200, $"POST {path}", body));

    private static Task EventuallyRefusedAsync(HttpClient session) => Eventually.TrueAsync(async () =>
    {
        using var answer = await session.RequestAsync("GET /integrations");
        return (int)answer.StatusCode == 401;
    }, "the session has ended");
}
