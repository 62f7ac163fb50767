// The dashboard at /hangfire: whom it lets in, what it shows, and what can be done there.

using System.Net;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Tests.Hangfire;

public sealed class HangfireDashboardTests
{
    private readonly PostgresFixture _postgres;

    public HangfireDashboardTests(PostgresFixture postgres)
    {
        Hosts.RequireHangfire();
        _postgres = postgres;
    }

    [Fact]
    public async Task Nobody_but_operators_is_let_in_not_even_from_this_machine()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        using var nobody = server.ClientWith(null);
        using var guess = server.ClientWith("dsk_" + new string('0', 64));
        using var admin = await server.ClientOfAsync("admin");
        using var member = await server.ClientOfAsync("member");
        foreach (var client in new[] { nobody, guess, admin, member })
        {
            foreach (var path in new[] { "", "/deliveries", "/deliveries/dlv_0190163d86947f3aa0f5a0c0d8f3b6e1", "/integrations", "/jobs/enqueued", "/servers" })
            {
                using var answer = await client.GetAsync("/hangfire" + path);
                Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
                Assert.NotEqual("text/html", answer.Content.Headers.ContentType?.MediaType);
            }

            using var post = await client.PostAsync("/hangfire/deliveries/dlv_0190163d86947f3aa0f5a0c0d8f3b6e1/retry", null);
            Assert.Equal(HttpStatusCode.Unauthorized, post.StatusCode);
        }

        Assert.Contains("Dispatcher", await HangfireServer.PageAsync(server, ""), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_has_signed_in_to_the_dashboard_is_let_in_and_changes_things_only_with_the_token_of_a_page()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync(500);
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");
        var delivery = await WaitForDeliveryAsync(server, "failed");
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var browser = new HttpClient(handler) { BaseAddress = server.Client.BaseAddress };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        using (var before = await browser.GetAsync("/hangfire/deliveries?status=failed"))
        {
            Assert.Equal(HttpStatusCode.Found, before.StatusCode);
            Assert.Equal("/dashboard/sign-in?page=hangfire%2Fdeliveries%3Fstatus%3Dfailed", before.Headers.Location?.ToString());
        }

        using var form = new FormUrlEncodedContent([new("key", TestServer.OperatorKey), new("page", "hangfire/deliveries?status=failed")]);
        using (var signedIn = await browser.PostAsync("/dashboard/sign-in", form))
            Assert.Equal("/dashboard/hangfire/deliveries?status=failed", signedIn.Headers.Location?.ToString());
        using (var back = await browser.GetAsync("/dashboard/hangfire/deliveries?status=failed"))
            Assert.Equal("/hangfire/deliveries?status=failed", back.Headers.Location?.ToString());
        Assert.Contains("href=\"/dashboard/hangfire\"", await browser.GetStringAsync("/dashboard"), StringComparison.Ordinal);
        var page = await browser.GetStringAsync($"/hangfire/deliveries/{delivery}");
        var token = Regex.Match(page, "<meta name=\"csrf-token\" content=\"([0-9a-f]{64})\"").Groups[1].Value;
        Assert.NotEmpty(token);
        Assert.Contains("<meta name=\"csrf-header\" content=\"X-CSRF-Token\"", page, StringComparison.Ordinal);

        var path = $"/hangfire/deliveries/{delivery}/cancel";
        using (var bare = await browser.PostAsync(path, null)) Assert.Equal(HttpStatusCode.Forbidden, bare.StatusCode);
        browser.DefaultRequestHeaders.Add("X-CSRF-Token", new string('0', 64));
        using (var wrong = await browser.PostAsync(path, null)) Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);
        // Hangfire's own buttons, too.
        using (var wrong = await browser.PostAsync("/hangfire/jobs/actions/requeue/1", null)) Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);
        Assert.Equal("failed", (await server.GetAsync($"/deliveries/{delivery}")).GetProperty("status").GetString());
        browser.DefaultRequestHeaders.Remove("X-CSRF-Token");
        browser.DefaultRequestHeaders.Add("X-CSRF-Token", token);
        using (var right = await browser.PostAsync(path, null)) Assert.Equal(HttpStatusCode.NoContent, right.StatusCode);
        Assert.Equal("cancelled", (await server.GetAsync($"/deliveries/{delivery}")).GetProperty("status").GetString());
    }

    [Fact]
    public async Task Deliveries_are_listed_by_filters_and_page_by_page()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var good = await Receiver.StartAsync();
        await using var bad = await Receiver.StartAsync(500);
        await server.RegisterAsync(good.Url, null, "good.one");
        var failing = (await server.RegisterAsync(bad.Url, null, "bad.one")).GetProperty("id").GetString()!;
        for (var i = 0; i < 3; i++) await server.PublishAsync("good.one");
        await server.PublishAsync("bad.one");
        await WaitForDeliveryAsync(server, "failed");
        await Eventually.TrueAsync(
            async () => (await server.GetAsync("/deliveries?status=succeeded")).GetProperty("data").GetArrayLength() == 3, "three have succeeded");

        var failed = await HangfireServer.PageAsync(server, "/deliveries?status=failed");
        Assert.Contains("server_error (500)", failed, StringComparison.Ordinal);
        Assert.Contains(failing, failed, StringComparison.Ordinal);
        Assert.DoesNotContain("good.one", failed, StringComparison.Ordinal);
        Assert.Equal(1, Rows(failed));

        var (seen, next) = (new List<string>(), "/deliveries?type=good.one&limit=2");
        for (var pages = 0; next is not null && pages < 5; pages++)
        {
            var page = await HangfireServer.PageAsync(server, next);
            seen.AddRange(Regex.Matches(page, "href=\"/hangfire/deliveries/(dlv_[0-9a-f]{32})").Select(m => m.Groups[1].Value));
            var older = Regex.Match(page, "rel=\"next\" href=\"/hangfire([^\"]+)\"");
            next = older.Success ? WebUtility.HtmlDecode(older.Groups[1].Value) : null;
        }

        Assert.Equal(3, seen.Count);
        Assert.Equal(3, seen.Distinct().Count());
        Assert.Equal(seen.OrderDescending(StringComparer.Ordinal), seen);

        using var wrong = await server.Client.GetAsync("/hangfire/deliveries?status=lost");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, wrong.StatusCode);
        Assert.Contains("must be one of", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var nobody = await server.Client.GetAsync("/hangfire/deliveries?organization=nobody");
        Assert.Equal(HttpStatusCode.NotFound, nobody.StatusCode);
    }

    [Fact]
    public async Task A_delivery_is_shown_with_each_attempt_its_request_and_its_response_and_can_be_sent_again()
    {
        await using var server = await HangfireServer.StartAsync(_postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01", ["Dispatcher:Retry:MaxAttempts"] = "2" });
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, n, context) =>
        {
            context.Response.StatusCode = n <= 2 ? 418 : 200;
            context.Response.Headers["x-told"] = $"try {n}";
            return context.Response.WriteAsync($"no {n}");
        };
        await server.RegisterAsync(receiver.Url, new { headers = new { Authorization = "Bearer abcdefg" } }, "a.b");
        await server.PublishAsync("a.b", """{"document":"d-17"}""");
        var delivery = await WaitForDeliveryAsync(server, "exhausted");

        var page = WebUtility.HtmlDecode(await HangfireServer.PageAsync(server, $"/deliveries/{delivery}"));

        Assert.Contains("""{"document":"d-17"}""", page, StringComparison.Ordinal);
        Assert.Contains("x-told: try 1", page, StringComparison.Ordinal);
        Assert.Contains("x-told: try 2", page, StringComparison.Ordinal);
        Assert.Contains("<pre>no 2</pre>", page, StringComparison.Ordinal);
        Assert.Contains($"webhook-signature: {receiver.All[1].Headers["webhook-signature"]}", page, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{receiver.Url.Port}", page, StringComparison.Ordinal);
        Assert.DoesNotContain("abcdefg", page, StringComparison.Ordinal);

        var path = $"/hangfire/deliveries/{delivery}/retry";
        using (var read = await server.Client.GetAsync(path)) Assert.Equal(HttpStatusCode.MethodNotAllowed, read.StatusCode);
        Assert.Equal(2, receiver.All.Count);
        using (var again = await server.Client.PostAsync(path, null)) Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        await WaitForDeliveryAsync(server, "succeeded");
        Assert.Equal(3, receiver.All.Count);
        var entry = (await server.GetAsync("/audit?action=delivery.retried")).GetProperty("data")[0];
        Assert.Contains(delivery, entry.ToString(), StringComparison.Ordinal);
        using (var late = await server.Client.PostAsync($"/hangfire/deliveries/{delivery}/cancel", null)) Assert.Equal(HttpStatusCode.Conflict, late.StatusCode);
    }

    [Fact]
    public async Task Markup_in_what_customers_and_receivers_say_is_shown_as_text()
    {
        const string attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
        await using var server = await HangfireServer.StartAsync(_postgres, new() { ["Dispatcher:Retry:MaxAttempts"] = "1" });
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 500;
            context.Response.Headers["x-attack"] = attack;
            return context.Response.WriteAsync(attack);
        };
        await server.RegisterAsync(new Uri($"{receiver.Url}?q=<script>alert(1)</script>"), new { name = attack }, "a.b");
        await server.PublishAsync("a.b", $$"""{"attack":"{{attack.Replace("\"", "\\\"", StringComparison.Ordinal)}}"}""");
        var delivery = await WaitForDeliveryAsync(server, "exhausted");

        var detail = await HangfireServer.PageAsync(server, $"/deliveries/{delivery}");
        Assert.Contains("x-attack", detail, StringComparison.Ordinal);
        var integrations = await HangfireServer.PageAsync(server, "/integrations?organization=default");
        var list = await HangfireServer.PageAsync(server, "/deliveries");
        using var refused = await server.Client.GetAsync($"/hangfire/deliveries?type={Uri.EscapeDataString(attack)}&organization={Uri.EscapeDataString(attack)}");
        foreach (var page in new[] { detail, integrations, list, await refused.Content.ReadAsStringAsync() })
        {
            Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
            Assert.DoesNotContain("<img src=x", page, StringComparison.Ordinal);
        }

        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;", detail, StringComparison.Ordinal);
        Assert.Contains("&lt;img src=x", integrations, StringComparison.Ordinal);
        using var answer = await server.Client.GetAsync("/hangfire/deliveries");
        Assert.Contains("script-src 'self';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Integrations_are_shown_with_their_failures_and_the_navigation_counts_what_waits_and_what_fails()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var bad = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(bad.Url, new { name = "ERP" }, "a.b")).GetProperty("id").GetString()!;
        for (var i = 0; i < 2; i++) await server.PublishAsync("a.b");
        await Eventually.TrueAsync(
            async () => (await server.GetAsync("/deliveries?status=failed")).GetProperty("data").GetArrayLength() == 2, "two wait for a retry");
        // What a node has counted is stored when somebody reads it.
        await server.GetAsync($"/integrations/{id}/stats");

        // That it fails is found out in the rounds of a watch.
        await Eventually.TrueAsync(
            async () => (await HangfireServer.PageAsync(server, "/integrations")).Contains("ERP", StringComparison.Ordinal), "the integration is among those that fail");
        var page = await HangfireServer.PageAsync(server, "/integrations");
        // Without an organization it is those that fail, of all; with one, all of it.
        await server.RegisterAsync(new Uri("http://127.0.0.1:9"), new { name = "Quiet", enabled = false }, "c.d");
        Assert.DoesNotContain("Quiet", await HangfireServer.PageAsync(server, "/integrations"), StringComparison.Ordinal);
        Assert.Contains("Quiet", await HangfireServer.PageAsync(server, "/integrations?organization=default"), StringComparison.Ordinal);
        Assert.Matches($"integration={id}&amp;status=failed\">[2-9]</a>", page);
        Assert.Contains("Deliveries", page, StringComparison.Ordinal);
        Assert.Matches("data-metric=\"dispatcher:deliveries\" class=\"[^\"]*\">2<", page);

        using var stats = await server.Client.PostAsync("/hangfire/stats", new FormUrlEncodedContent([new("metrics[]", "dispatcher:deliveries")]));
        Assert.Equal(2, (await TestServer.ReadAsync(stats, HttpStatusCode.OK)).GetProperty("dispatcher:deliveries").GetProperty("intValue").GetInt32());
    }

    [Fact]
    public async Task The_page_of_a_bundle_s_job_leads_to_each_of_its_deliveries()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        await using var receiver = await Receiver.StartAsync();
        using (var made = await server.Client.PostAsync("/organizations", TestServer.Json("""{"id":"acme"}"""))) await TestServer.ReadAsync(made, HttpStatusCode.Created);
        using (var integration = TestServer.Json($$"""{"type":"webhook","events":["*"],"target":"{{receiver.Url}}"}"""))
        using (var made = await server.Client.PostAsync("/integrations?organization=acme", integration)) await TestServer.ReadAsync(made, HttpStatusCode.Created);
        await HangfireServer.PublishAsync(server, 40, "acme");
        await receiver.WaitForAsync(40);
        var records = new Records(server.ConnectionString);
        await records.AllSucceededAsync(40);
        var job = await records.ScalarAsync<long>("SELECT id FROM hangfire.job ORDER BY length(arguments::text) DESC LIMIT 1");
        var ids = Regex.Matches(await records.ScalarAsync<string>($"SELECT arguments::text FROM hangfire.job WHERE id = {job}"), "dlv_[0-9a-f]{32}");

        var page = await HangfireServer.PageAsync(server, $"/jobs/details/{job}");

        Assert.Contains($"Bundle of {ids.Count} deliver", page, StringComparison.Ordinal);
        foreach (Match id in ids) Assert.Contains($"href=\"/hangfire/deliveries/{id.Value}?organization=acme\"", page, StringComparison.Ordinal);
        Assert.Contains(ids[0].Value, await HangfireServer.PageAsync(server, $"/deliveries/{ids[0].Value}?organization=acme"), StringComparison.Ordinal);
        Assert.Contains(ids[0].Value, await HangfireServer.PageAsync(server, "/deliveries"), StringComparison.Ordinal);
        Assert.DoesNotContain("dlv_", await HangfireServer.PageAsync(server, "/deliveries?organization=default"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_settings_say_that_Hangfire_is_the_host()
    {
        await using var server = await HangfireServer.StartAsync(_postgres);
        var host = (await server.GetAsync("/settings")).GetProperty("data").EnumerateArray().Single(s => s.GetProperty("key").GetString() == "Dispatcher:Host");
        Assert.Equal("hangfire", host.GetProperty("value").GetString());
    }

    private static int Rows(string page) => Regex.Count(page, "<tr><td>");

    private static async Task<string> WaitForDeliveryAsync(TestServer server, string status)
    {
        var id = "";
        await Eventually.TrueAsync(async () =>
        {
            var found = (await server.GetAsync($"/deliveries?status={status}")).GetProperty("data");
            if (found.GetArrayLength() == 0) return false;
            id = found[0].GetProperty("id").GetString()!;
            return true;
        }, $"a delivery is {status}");
        return id;
    }
}
