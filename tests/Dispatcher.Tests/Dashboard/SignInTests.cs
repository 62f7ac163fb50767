// Signing in to the dashboard with an operator key: who gets in, where it leads, what the cookie opens, and when it ends.

using System.Net;
using System.Text;
using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Dashboard;

public sealed class SignInTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private const string CookieName = "dispatcher_operator";

    private Records Records => new(api.Server.ConnectionString);

    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    public async Task An_operator_key_becomes_a_cookie_and_leads_to_the_page_that_was_asked_for(string root)
    {
        using var visitor = new Visitor(api.Operator);
        using var asked = await visitor.GetAsync($"{root}/dashboard/nodes?limit=7&organization=default");
        Assert.Equal((HttpStatusCode.Redirect, $"{root}/dashboard/sign-in?page=nodes%3Flimit%3D7%26organization%3Ddefault"), (asked.StatusCode, asked.Headers.Location?.OriginalString));
        Visitor.AssertGuarded(asked);
        var form = WebUtility.HtmlDecode(await visitor.PageAsync(asked.Headers.Location!.OriginalString));
        Assert.Contains($"method=\"post\" action=\"{root}/dashboard/sign-in\"", form, StringComparison.Ordinal);
        Assert.Contains("name=\"page\" value=\"nodes?limit=7&organization=default\"", form, StringComparison.Ordinal);

        using var entered = await visitor.SubmitAsync($"{root}/dashboard/sign-in", ("key", $" {TestServer.OperatorKey}\n"), ("page", "nodes?limit=7&organization=default"));

        Assert.Equal((HttpStatusCode.Redirect, $"{root}/dashboard/nodes?limit=7&organization=default"), (entered.StatusCode, entered.Headers.Location?.OriginalString));
        Assert.True(entered.Headers.CacheControl!.NoStore);
        var cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie")).Split("; ");
        Assert.Matches($"^{CookieName}=dos_[0-9a-f]{{64}}$", cookie[0]);
        foreach (var part in new[] { $"path={root}/", "httponly", "samesite=lax" }) Assert.Contains(part, cookie, StringComparer.OrdinalIgnoreCase);
        Assert.DoesNotContain("secure", cookie, StringComparer.OrdinalIgnoreCase);
        Assert.InRange(ExpiryOf(cookie) - TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(11.9), TimeSpan.FromHours(12.1));
        var page = await visitor.PageAsync(entered.Headers.Location!.OriginalString);
        Assert.DoesNotContain("dos_", page, StringComparison.Ordinal);
        Assert.All(Visitor.References(page), reference => Assert.StartsWith($"{root}/dashboard", reference, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("?range=24h", "?range=24h")]
    [InlineData("integrations/int_1?organization=a%20b&x=*", "/integrations/int_1?organization=a%20b&x=*")]
    [InlineData("https://evil.example/", "")]
    [InlineData("//evil.example/", "")]
    [InlineData("/nodes", "")]
    [InlineData("\\evil.example", "")]
    [InlineData(".evil.example", "")]
    [InlineData("@evil.example", "")]
    [InlineData(":8080", "")]
    [InlineData("#x", "")]
    [InlineData("javascript:alert(1)", "")]
    [InlineData("nodes/../../portal", "")]
    [InlineData("nodes\r\nSet-Cookie: a=b", "")]
    [InlineData("nodes?x=\u00e4", "")]
    public async Task It_leads_below_the_dashboard_and_nowhere_else(string page, string leadsTo)
    {
        using var visitor = new Visitor(api.Operator);

        using var entered = await visitor.SubmitAsync("/dashboard/sign-in", ("key", TestServer.OperatorKey), ("page", page));

        Assert.Equal((HttpStatusCode.Redirect, "/dashboard" + leadsTo), (entered.StatusCode, entered.Headers.Location?.OriginalString));
        Assert.All(entered.Headers.GetValues("Set-Cookie"), cookie => Assert.StartsWith(CookieName, cookie, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_page_to_go_to_that_is_too_long_leads_to_the_first_one()
    {
        using var visitor = new Visitor(api.Operator);

        using var entered = await visitor.SubmitAsync("/dashboard/sign-in", ("key", TestServer.OperatorKey), ("page", "deliveries?type=" + new string('a', 1000)));

        Assert.Equal("/dashboard", entered.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Where_the_server_is_reached_by_https_the_cookie_goes_nowhere_else()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:PublicUrl"] = "https://hooks.example.com",
            ["Dispatcher:Dashboard:SessionSeconds"] = "60",
        });
        using var visitor = new Visitor(server.Client);

        using var entered = await visitor.SubmitAsync("/dashboard/sign-in", ("key", TestServer.OperatorKey));

        var cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie")).Split("; ");
        Assert.Contains("secure", cookie, StringComparer.OrdinalIgnoreCase);
        Assert.InRange(ExpiryOf(cookie) - TimeProvider.System.GetUtcNow(), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(61));
    }

    [Theory]
    [InlineData("nobody's", 401, "unknown, revoked or expired")]
    [InlineData("none", 401, "unknown, revoked or expired")]
    [InlineData("session", 401, "unknown, revoked or expired")]
    [InlineData("admin", 403, "role admin")]
    [InlineData("member", 403, "role member")]
    [InlineData("emitter", 403, "role emitter")]
    [InlineData("link", 403, "role admin")]
    public async Task Who_has_no_operator_key_is_told_why_and_gets_no_session(string whose, int status, string why)
    {
        var customer = await api.CustomerAsync();
        var key = whose switch
        {
            "nobody's" => $"dsk_{new string('0', 64)}",
            "none" => "",
            "session" => await SessionAsync(),
            "link" => (await customer.Admin.CallAsync(200, "POST /webhook")).Text("link").Split('/')[^1],
            var role => (await customer.Admin.CallAsync(201, "POST /api-keys", $$"""{"role":"{{role}}"}""")).Text("key"),
        };
        using var visitor = new Visitor(api.Operator);

        using var answer = await visitor.SubmitAsync("/dashboard/sign-in", ("key", key), ("page", "nodes"));

        var html = WebUtility.HtmlDecode(await answer.Content.ReadAsStringAsync());
        Assert.Equal((status, "text/html"), ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Visitor.AssertGuarded(answer);
        Assert.Contains(why, html, StringComparison.Ordinal);
        Assert.Contains("name=\"page\" value=\"nodes\"", html, StringComparison.Ordinal);
        if (key.Length > 0) Assert.DoesNotContain(key, html, StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Set-Cookie"));
        Assert.Equal(0, visitor.Cookies.Count);
    }

    [Fact]
    public async Task Guesses_are_slowed_down_as_unknown_keys_are()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:FailedKeysPerMinute"] = "3" });
        using var emitter = await server.ClientOfAsync("emitter");
        using var visitor = new Visitor(server.Client);

        foreach (var (key, status) in new[] { ("guess-1", 401), (emitter.DefaultRequestHeaders.Authorization!.Parameter!, 403), ("guess-2", 401) })
        {
            using var guess = await visitor.SubmitAsync("/dashboard/sign-in", ("key", key));
            Assert.Equal(status, (int)guess.StatusCode);
        }

        using var refused = await visitor.SubmitAsync("/dashboard/sign-in", ("key", "guess-3"));
        Assert.Equal((429, "text/html"), ((int)refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Visitor.AssertGuarded(refused);
    }

    [Fact]
    public async Task Guesses_from_its_address_lock_no_session_out_that_has_been_seen()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:FailedKeysPerMinute"] = "2" });
        using var visitor = new Visitor(server.Client);
        await visitor.SignInAsync();
        await visitor.PageAsync("/dashboard/nodes");
        using var customer = new Visitor(server.Client);
        await customer.EnterAsync((await server.Client.CallAsync(200, "POST /webhook")).Text("link"));

        using var guesser = new Visitor(server.Client);
        foreach (var status in new[] { 401, 401, 429 })
        {
            using var guess = await guesser.SubmitAsync("/dashboard/sign-in", ("key", "guess"));
            Assert.Equal(status, (int)guess.StatusCode);
        }

        await visitor.PageAsync("/dashboard/nodes");
        await customer.PageAsync("/portal");
    }

    [Fact]
    public async Task Cookies_that_are_guessed_count_too()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:FailedKeysPerMinute"] = "2" });

        var statuses = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            using var visitor = new Visitor(server.Client);
            visitor.Cookies.Add(server.Client.BaseAddress!, new Cookie(CookieName, $"dos_{new string((char)('0' + i), 64)}", "/"));
            using var answer = await visitor.GetAsync("/dashboard");
            statuses.Add((int)answer.StatusCode);
        }

        Assert.Equal([302, 302, 429], statuses);
    }

    [Fact]
    public async Task A_session_that_has_expired_leads_to_signing_in_and_takes_its_cookie_along()
    {
        using var visitor = new Visitor(api.Operator);
        await visitor.SignInAsync();
        var token = TokenOf(visitor);
        Assert.Equal(1, await Records.ExecuteAsync($"UPDATE dispatcher.operator_session SET expires_at = now() - interval '1 second' WHERE hash = {HashSql(token)}"));

        using var page = await visitor.GetAsync("/dashboard/settings");
        using var call = await visitor.Script.RequestAsync("GET /dashboard/api/settings");

        Assert.Equal("/dashboard/sign-in?page=settings", page.Headers.Location?.OriginalString);
        Assert.Equal(0, visitor.Cookies.Count);
        await call.RefusalAsync(401);
        using var again = WithCookie(token);
        await again.RefusalAsync(401, "GET /dashboard/api/settings");
    }

    [Fact]
    public async Task A_session_ends_at_once_with_the_key_that_opened_it()
    {
        var made = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"operator","name":"on call"}""");
        using var visitor = new Visitor(api.Operator);
        await visitor.SignInAsync(made.Text("key"));
        await visitor.Script.CallAsync(200, "GET /dashboard/api/nodes");

        await api.Operator.CallAsync(204, $"DELETE /api-keys/{made.Text("id")}");

        await visitor.Script.RefusalAsync(401, "GET /dashboard/api/nodes");
        using var page = await visitor.GetAsync("/dashboard/nodes");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
    }

    [Fact]
    public async Task A_session_lasts_no_longer_than_its_key()
    {
        var expiry = TimeProvider.System.GetUtcNow().AddMinutes(30);
        var made = await api.Operator.CallAsync(201, "POST /api-keys", JsonSerializer.Serialize(new { role = "operator", expires_at = expiry }));
        using var visitor = new Visitor(api.Operator);

        using var entered = await visitor.SubmitAsync("/dashboard/sign-in", ("key", made.Text("key")));

        Assert.Equal(expiry, ExpiryOf(Assert.Single(entered.Headers.GetValues("Set-Cookie")).Split("; ")), TimeSpan.FromSeconds(2));
        await visitor.PageAsync("/dashboard/nodes");
        // Were the key's own time to be shortened, the session would end with it.
        await Records.ExecuteAsync($"UPDATE dispatcher.api_key SET expires_at = now() - interval '1 second' WHERE id = '{Guid.ParseExact(made.Text("id")[4..], "N")}'");
        using var page = await visitor.GetAsync("/dashboard/nodes");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
    }

    [Fact]
    public async Task A_changed_operator_key_ends_what_the_old_one_opened_and_another_node_knows_what_this_one_did()
    {
        var made = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"operator"}""");
        using var ofConfiguration = new Visitor(api.Operator);
        using var ofKey = new Visitor(api.Operator);
        await ofConfiguration.SignInAsync();
        await ofKey.SignInAsync(made.Text("key"));

        await using var otherNode = await TestServer.StartAsync(
            postgres, new()
            {
                ["Dispatcher:OperatorKey"] = "another-operator-key",
                // What it was until now has encrypted what is stored.
                ["Dispatcher:Encryption:Keys:0"] = TestServer.OperatorKey,
            }, connectionString: api.Server.ConnectionString);

        foreach (var (visitor, status) in new[] { (ofConfiguration, HttpStatusCode.Redirect), (ofKey, HttpStatusCode.OK) })
        {
            using var there = new Visitor(otherNode.Client);
            there.Cookies.Add(otherNode.Client.BaseAddress!, new Cookie(CookieName, TokenOf(visitor), "/"));
            using var page = await there.GetAsync("/dashboard/nodes");
            Assert.Equal(status, page.StatusCode);
        }
    }

    [Fact]
    public async Task Signing_out_needs_the_pages_token_and_ends_the_session_in_the_database()
    {
        var made = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"operator","name":"night shift"}""");
        using var visitor = new Visitor(api.Operator);
        using var colleague = new Visitor(api.Operator);
        var html = await visitor.SignInAsync(made.Text("key"));
        var another = await colleague.SignInAsync(made.Text("key"));
        var token = TokenOf(visitor);
        foreach (var csrf in new[] { "", "x", Visitor.CsrfOf(another) })
        {
            using var refused = await visitor.SubmitAsync("/dashboard/sign-out", ("csrf", csrf));
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        }

        await visitor.Script.CallAsync(200, "GET /dashboard/api/nodes");

        using var left = await visitor.SubmitAsync("/dashboard/sign-out", ("csrf", Visitor.CsrfOf(html)));

        Assert.Equal("/dashboard/sign-in", left.Headers.Location?.OriginalString);
        Assert.Equal(0, visitor.Cookies.Count);
        using var stolen = WithCookie(token);
        await stolen.RefusalAsync(401, "GET /dashboard/api/nodes");
        using var page = await stolen.GetAsync("/dashboard/nodes");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
        Assert.Equal(0, await Records.ScalarAsync<long>($"SELECT count(*) FROM dispatcher.operator_session WHERE hash = {HashSql(token)}"));
        await colleague.Script.CallAsync(200, "GET /dashboard/api/nodes");
        // Once more, without a session: nothing to end, and no reason to complain.
        using var again = await visitor.SubmitAsync("/dashboard/sign-out", ("csrf", ""));
        Assert.Equal("/dashboard/sign-in", again.Headers.Location?.OriginalString);

        var entries = (await api.Operator.CallAsync(200, "GET /audit?scope=server&limit=250")).Data()
            .Where(e => e.GetProperty("actor").GetProperty("id").GetString() == made.Text("id")).ToList();
        Assert.Equal(["operator.signed_out", "operator.signed_in", "operator.signed_in"], entries.Select(e => e.Text("action")));
        Assert.All(entries, e =>
        {
            Http.AssertJson($$"""{"kind":"key","id":"{{made.Text("id")}}","name":"night shift","role":"operator"}""", e.GetProperty("actor"));
            Http.AssertJson("""{"kind":"dashboard","id":"dashboard"}""", e.GetProperty("target"));
            Assert.Equal("127.0.0.1", e.Text("remote_address"));
            Assert.DoesNotContain("dos_", e.ToString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task What_the_cookie_holds_is_no_key_and_the_cookie_opens_nothing_of_the_api()
    {
        using var visitor = new Visitor(api.Operator);
        await visitor.SignInAsync();
        // Known to the server from now on, as keys are that have just been looked up.
        await visitor.Script.CallAsync(200, "GET /dashboard/api/nodes");
        var token = TokenOf(visitor);

        using var bearer = api.Server.ClientWith(token);
        await bearer.RefusalAsync(401, "GET /nodes");
        await bearer.RefusalAsync(401, "GET /v1/integrations");
        using var byHeader = api.Server.ClientWith(null);
        byHeader.DefaultRequestHeaders.Add("x-api-key", token);
        await byHeader.RefusalAsync(401, "GET /nodes");
        await visitor.Script.RefusalAsync(401, "GET /nodes");
        // Nor is a key a cookie.
        using var key = WithCookie(TestServer.OperatorKey);
        await key.RefusalAsync(401, "GET /dashboard/api/nodes");
        using var page = await key.GetAsync("/dashboard/nodes");
        Assert.Equal(HttpStatusCode.Redirect, page.StatusCode);
    }

    [Fact]
    public async Task No_token_is_stored()
    {
        using var visitor = new Visitor(api.Operator);
        await visitor.SignInAsync();

        var stored = await Records.ScalarAsync<string>("SELECT string_agg(s::text, ' ') FROM dispatcher.operator_session s");

        Assert.DoesNotContain(TokenOf(visitor)[4..], stored, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("cross-site", 403)]
    [InlineData("same-site", 403)]
    [InlineData("same-origin", 302)]
    [InlineData("none", 302)]
    public async Task A_form_that_another_sites_page_sends_is_refused(string site, int status)
    {
        using var visitor = new Visitor(api.Operator);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/dashboard/sign-in")
        {
            Content = new FormUrlEncodedContent([KeyValuePair.Create("key", TestServer.OperatorKey)]),
        };
        request.Headers.Add("Sec-Fetch-Site", site);

        using var answer = await visitor.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status == 302, answer.Headers.Contains("Set-Cookie"));
    }

    public static TheoryData<string, string?, string, int> NoForms => new()
    {
        { "json", "application/json", """{"key":"a"}""", 400 },
        { "no type", null, "key=a", 400 },
        { "text", "text/plain", "key=a", 400 },
        { "multipart garbage", "multipart/form-data; boundary=abc", "this is no part of anything", 400 },
        { "a part that does not end", "multipart/form-data; boundary=abc", "--abc\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nvalue", 400 },
        { "a part with a bad head", "multipart/form-data; boundary=abc", "--abc\r\nno colon here\r\n\r\nvalue\r\n--abc--\r\n", 400 },
        { "no boundary", "multipart/form-data", "--abc\r\n", 400 },
        { "boundary too long", $"multipart/form-data; boundary={new string('b', 400)}", "--b\r\n", 400 },
        { "too many fields", "application/x-www-form-urlencoded", string.Concat(Enumerable.Range(0, 1100).Select(i => "a&")), 400 },
        { "name too long", "application/x-www-form-urlencoded", new string('k', 2100) + "=1", 400 },
        { "too large", "application/x-www-form-urlencoded", "key=" + new string('k', 5000), 413 },
        { "too large in parts", "multipart/form-data; boundary=abc", $"--abc\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n{new string('k', 5000)}\r\n--abc--\r\n", 413 },
        { "nothing", "application/x-www-form-urlencoded", "", 401 },
        { "an escaped NUL", "application/x-www-form-urlencoded", "key=%00", 400 },
        { "percent signs", "application/x-www-form-urlencoded", "key=%zz%&%=%", 401 },
        { "of an unknown charset", "application/x-www-form-urlencoded; charset=klingon", "key=a", 401 },
    };

    [Theory]
    [MemberData(nameof(NoForms), DisableDiscoveryEnumeration = true)]
    public async Task What_is_no_form_is_refused_with_a_page(string what, string? type, string body, int status)
    {
        using var visitor = new Visitor(api.Operator);
        foreach (var address in new[] { "/dashboard/sign-in", "/dashboard/sign-out" })
        {
            foreach (var chunked in new[] { false, true })
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
                if (type is not null) request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
                request.Headers.TransferEncodingChunked = chunked;

                using var answer = await visitor.SendAsync(request);

                // Whoever has no session signs out whatever the form says.
                var expected = status == 401 && address.EndsWith("sign-out", StringComparison.Ordinal) ? 302 : status;
                Assert.True(expected == (int)answer.StatusCode, $"{what} to {address}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                if (expected != 302) Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
                Visitor.AssertGuarded(answer);
            }
        }
    }

    private static DateTimeOffset ExpiryOf(string[] cookie) => DateTimeOffset.Parse(
        cookie.Single(p => p.StartsWith("expires=", StringComparison.OrdinalIgnoreCase))["expires=".Length..], System.Globalization.CultureInfo.InvariantCulture);

    private static string TokenOf(Visitor visitor) => visitor.Cookies.GetAllCookies().Single(c => c.Name == CookieName).Value;

    /// <summary>The hash of a session's token: of a key's as it is, of the configured operator key's with that key's own.</summary>
    private static string HashSql(string token) =>
        $"ANY(ARRAY[sha256('{token}'), sha256(sha256('{TestServer.OperatorKey}') || sha256('{token}'))])";

    private async Task<string> SessionAsync()
    {
        using var visitor = new Visitor(api.Operator);
        await visitor.SignInAsync();
        return TokenOf(visitor);
    }

    /// <summary>Somebody who presents a token as the cookie, and the token of a page that goes with it.</summary>
    private HttpClient WithCookie(string token)
    {
        var visitor = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = api.Operator.BaseAddress };
        visitor.DefaultRequestHeaders.Add("Cookie", $"{CookieName}={token}");
        visitor.DefaultRequestHeaders.Add("x-csrf-token", Dispatcher.Pages.Face.CsrfOf(token));
        return visitor;
    }
}
