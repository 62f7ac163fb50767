// The portal as a browser sees it.

using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

public sealed class PortalPagesTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Markup = "<img src=x onerror=alert(1)>\"'&amp;</title><script>alert(2)</script>";

    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    public async Task A_link_becomes_a_cookie_and_leaves_the_address(string root)
    {
        var customer = await api.CustomerAsync();
        var link = new Uri(await LinkAsync(customer.Admin));
        using var visitor = new Visitor(api.Operator);

        using var entered = await visitor.GetAsync(root + link.AbsolutePath);

        Assert.Equal((HttpStatusCode.Redirect, $"{root}/portal"), (entered.StatusCode, entered.Headers.Location?.OriginalString));
        Visitor.AssertGuarded(entered);
        Assert.True(entered.Headers.CacheControl!.NoStore);
        var cookie = Assert.Single(entered.Headers.GetValues("Set-Cookie")).Split("; ");
        foreach (var part in new[] { $"path={root}/portal", "httponly", "samesite=lax" }) Assert.Contains(part, cookie, StringComparer.OrdinalIgnoreCase);
        Assert.DoesNotContain("secure", cookie, StringComparer.OrdinalIgnoreCase);
        var html = await visitor.PageAsync($"{root}/portal");
        Assert.DoesNotContain(link.Segments[^1], html, StringComparison.Ordinal);
        Assert.All(Visitor.References(html), reference => Assert.StartsWith($"{root}/portal", reference, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_cookie_is_no_key_of_the_api()
    {
        var link = await LinkAsync((await api.CustomerAsync()).Admin);
        using var visitor = new Visitor(api.Operator);
        await visitor.EnterAsync(link);
        visitor.Cookies.Add(api.Operator.BaseAddress!, new Cookie("dispatcher_portal", link[(link.LastIndexOf('/') + 1)..], "/"));

        using var answer = await visitor.GetAsync("/integrations");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task The_first_page_lists_the_integrations_of_the_scope_and_of_no_other()
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await customer.Admin.CallAsync(201, "POST /integrations", """{"type":"webhook","name":"ERP","events":["job.*","document_predict"],"target":"https://erp.example.com/hook","project":"p"}""");
        await customer.Admin.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://off.example.com/hook","enabled":false}""");
        await other.Admin.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://other.example.com/hook"}""");
        using var visitor = new Visitor(api.Operator);

        var all = Visitor.TextOf(await visitor.EnterAsync(await LinkAsync(customer.Admin)));
        var ofProject = await visitor.EnterAsync(await LinkAsync(customer.Admin, """{"project":"p","role":"member"}"""));

        Assert.Matches(@"https://off\.example\.com/hook \* whole organization disabled Switched off by hand\. .*ERP https://erp\.example\.com/hook job\.\* document_predict project p enabled No attempts", all);
        Assert.DoesNotContain("other.example.com", all, StringComparison.Ordinal);
        Assert.Contains("ERP", ofProject, StringComparison.Ordinal);
        Assert.DoesNotContain("off.example.com", ofProject, StringComparison.Ordinal);
        Assert.Contains("read only", ofProject, StringComparison.Ordinal);
        Assert.Contains("<title>Integrations · Webhooks</title>", WebUtility.HtmlDecode(ofProject), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_integrations_page_shows_its_deliveries_and_what_became_of_them()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (received, _, context) =>
        {
            context.Response.StatusCode = received.Headers["dispatcher-event"] == "a.fails" ? 503 : 204;
            return Task.CompletedTask;
        };
        var integration = (await customer.RegisterAsync(receiver.Url, "\"name\":\"ERP\",\"retry\":{\"max_attempts\":2}", "\"a.*\"")).Text("id");
        var works = await customer.DeliveryAsync($"event={await customer.PublishAsync("a.works")}", "succeeded");
        var fails = await customer.DeliveryAsync($"event={await customer.PublishAsync("a.fails")}", "exhausted");
        using var visitor = new Visitor(api.Operator);
        var list = await visitor.EnterAsync(await LinkAsync(customer.Admin));
        var address = Assert.Single(Visitor.References(list), r => r.EndsWith($"/integrations/{integration}", StringComparison.Ordinal));

        var html = await visitor.PageAsync(address);
        var deliveries = Visitor.TextOf(await visitor.PageAsync($"/portal/deliveries?integration={integration}"));

        Assert.Contains("<title>ERP · Webhooks</title>", WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        var text = Visitor.TextOf(html);
        Assert.Matches($@"a\.fails {fails.Text("id")} exhausted 2 server error \(503\) .*a\.works {works.Text("id")} succeeded 1 succeeded \(204\)", deliveries);
        Assert.Contains(receiver.Url.ToString(), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_go_on_where_a_page_ends()
    {
        var customer = await api.CustomerAsync();
        for (var i = 1; i <= 3; i++)
            await customer.Admin.CallAsync(201, "POST /integrations", $$"""{"type":"webhook","name":"number {{i}}","events":["*"],"target":"https://example.com/"}""");
        using var visitor = new Visitor(api.Operator);
        await visitor.EnterAsync(await LinkAsync(customer.Admin));

        var first = await visitor.PageAsync("/portal?limit=2");
        var next = await visitor.PageAsync(Assert.Single(Visitor.References(first), r => r.Contains("cursor=", StringComparison.Ordinal)));

        Assert.Contains("number 3", first, StringComparison.Ordinal);
        Assert.Contains("number 2", first, StringComparison.Ordinal);
        Assert.DoesNotContain("number 1", first, StringComparison.Ordinal);
        Assert.Contains("number 1", next, StringComparison.Ordinal);
        Assert.DoesNotContain("number 2", next, StringComparison.Ordinal);
        Assert.DoesNotContain("cursor=", next, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Markup_in_what_customers_choose_is_shown_and_not_obeyed()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.Admin.CallAsync(201, "POST /integrations", JsonSerializer.Serialize(new
        {
            type = "webhook",
            name = Markup,
            events = new[] { "*" },
            target = "https://example.com/?a=<script>alert(3)</script>&b='\"",
            headers = new Dictionary<string, string> { ["x-note"] = "<script>alert(4)</script>" },
            metadata = new { note = "<script>alert(5)</script>" },
        }));
        using var visitor = new Visitor(api.Operator);

        // A page that holds <script or an attribute with code fails in here.
        var list = await visitor.EnterAsync(await LinkAsync(customer.Admin));
        var page = await visitor.PageAsync($"/portal/integrations/{made.Text("id")}");

        foreach (var html in new[] { list, page }) Assert.Contains(Markup.Split(' ')[0], WebUtility.HtmlDecode(html), StringComparison.Ordinal);
        Assert.DoesNotContain("<img", list + page, StringComparison.Ordinal);
        Assert.Contains(made.Text("target"), Visitor.TextOf(page), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_there_is_nothing_yet_the_page_says_how_to_begin()
    {
        var customer = await api.CustomerAsync();
        using var visitor = new Visitor(api.Operator);

        var text = Visitor.TextOf(await visitor.EnterAsync(await LinkAsync(customer.Admin, """{"project":"p"}""")));

        Assert.Contains($"curl -X POST {api.Operator.BaseAddress!.GetLeftPart(UriPartial.Authority)}/integrations", text, StringComparison.Ordinal);
        var body = text[text.IndexOf("-d '", StringComparison.Ordinal)..].Split('\'')[1];
        Assert.Equal("p", (await customer.Admin.CallAsync(201, "POST /integrations", body)).Text("project"));
        var integration = (await customer.Admin.CallAsync(200, "GET /integrations")).Data()[0].Text("id");
        Assert.Contains("Nothing has been delivered yet", await visitor.PageAsync($"/portal/integrations/{integration}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_there_is_a_page_that_says_what_to_do()
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        await using var receiver = await Receiver.StartAsync();
        var foreign = (await other.RegisterAsync(receiver.Url)).Text("id");
        using var visitor = new Visitor(api.Operator);

        Assert.Contains("Open your link first", await visitor.PageAsync("/portal", 404), StringComparison.Ordinal);
        Assert.Contains("This link does not work", await visitor.PageAsync($"/portal/dps_{new string('0', 64)}", 404), StringComparison.Ordinal);
        await visitor.PageAsync("/portal/nonsense", 404);
        await visitor.EnterAsync(await LinkAsync(customer.Admin));
        await visitor.PageAsync($"/portal/integrations/{foreign}", 404);
        await visitor.PageAsync("/portal/integrations/%3Cscript%3E", 404);
        Assert.Contains("cursor", await visitor.PageAsync("/portal?cursor=%3Cscript%3E", 422), StringComparison.Ordinal);
        var session = (await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data()[0].Text("id");
        await customer.Admin.CallAsync(204, $"DELETE /portal-sessions/{session}");
        Assert.Contains("This link has ended", await visitor.PageAsync("/portal", 410), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_says_so_when_the_database_is_away()
    {
        await using var store = await OwnStore.StartAsync();
        await using var server = await store.ServerAsync();
        using var visitor = new Visitor(server.Client);
        await visitor.EnterAsync(await LinkAsync(server.Client));

        await store.StopAsync();

        Assert.Contains("Try again", await visitor.PageAsync("/portal", 503), StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_that_a_page_brings_along_is_this_servers_own()
    {
        var customer = await api.CustomerAsync();
        using var visitor = new Visitor(api.Operator);
        var files = Visitor.References(await visitor.EnterAsync(await LinkAsync(customer.Admin))).Where(r => r.Contains("/assets/", StringComparison.Ordinal)).ToList();

        Assert.Equal(["icon.svg", "ui.css", "brand.css", "theme.js", "app.js"], files.Select(f => f[(f.LastIndexOf('/') + 1)..]));
        foreach (var file in files)
        {
            using var answer = await visitor.GetAsync(file);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Visitor.AssertGuarded(answer);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotMatch(@"@import|url\(|<script|https?://(?!www\.w3\.org/2000/svg)", text);
            var type = Path.GetExtension(file) switch { ".css" => "text/css", ".js" => "text/javascript", _ => "image/svg+xml" };
            Assert.Equal(type, answer.Content.Headers.ContentType?.MediaType);
            Assert.NotNull(answer.Headers.ETag);
        }

        using var missing = await visitor.GetAsync("/portal/assets/appsettings.json");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    private static async Task<string> LinkAsync(HttpClient maker, string? body = null) =>
        (await maker.CallAsync(200, "POST /webhook", body)).Text("link");
}
