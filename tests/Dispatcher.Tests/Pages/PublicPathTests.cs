// Where the server stands under a path of another host, under either of its roots: pages, redirects, cookies and files are found there.

using System.Net;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Pages;

public sealed class PublicPathTests(PublicPathTests.PublicServer there) : IClassFixture<PublicPathTests.PublicServer>
{
    private static readonly Uri PublicUrl = new("https://hooks.example.com/hooks");

    private HttpClient Operator => there.Server.Client;

    [Theory]
    [InlineData("/hooks")]
    [InlineData("/hooks/v1")]
    public async Task A_link_leads_to_the_portal_and_all_of_it_is_found_from_there(string root)
    {
        var link = new Uri((await Operator.CallAsync(200, "POST /v1/webhook")).Text("link"));
        Assert.StartsWith("https://hooks.example.com/hooks/portal/dps_", link.ToString(), StringComparison.Ordinal);
        using var visitor = new Visitor(Operator, PublicUrl);

        using var entered = await visitor.GetAsync($"{root}/portal/{link.Segments[^1]}");

        Assert.Equal($"{root}/portal", entered.Headers.Location?.OriginalString);
        var cookie = Assert.Single(visitor.Cookies.GetAllCookies());
        Assert.Equal(($"{root}/portal", true, true), (cookie.Path, cookie.Secure, cookie.HttpOnly));
        await LookRoundAsync(visitor, $"{root}/portal");
    }

    [Theory]
    [InlineData("/hooks")]
    [InlineData("/hooks/v1")]
    public async Task Signing_in_leads_to_the_dashboard_and_all_of_it_is_found_from_there(string root)
    {
        using var visitor = new Visitor(Operator, PublicUrl);
        using var asked = await visitor.GetAsync($"{root}/dashboard/nodes");
        Assert.Equal($"{root}/dashboard/sign-in?page=nodes", asked.Headers.Location?.OriginalString);
        Assert.Contains($"action=\"{root}/dashboard/sign-in\"", await visitor.PageAsync(asked.Headers.Location!.OriginalString), StringComparison.Ordinal);

        using var entered = await visitor.SubmitAsync($"{root}/dashboard/sign-in", ("key", TestServer.OperatorKey), ("page", "nodes"));

        Assert.Equal($"{root}/dashboard/nodes", entered.Headers.Location?.OriginalString);
        var cookie = Assert.Single(visitor.Cookies.GetAllCookies());
        Assert.Equal(($"{root}/", true, true), (cookie.Path, cookie.Secure, cookie.HttpOnly));
        var html = await LookRoundAsync(visitor, $"{root}/dashboard");
        using var left = await visitor.SubmitAsync($"{root}/dashboard/sign-out", ("csrf", Visitor.CsrfOf(html)));
        Assert.Equal($"{root}/dashboard/sign-in", left.Headers.Location?.OriginalString);
        Assert.Equal(0, visitor.Cookies.Count);
    }

    [Theory]
    [InlineData("", "/integrations/")]
    [InlineData("/v1", "/v1/integrations/")]
    public async Task What_the_api_made_is_found_under_the_root_that_was_called(string root, string location)
    {
        using var made = await Operator.RequestAsync($"POST {root}/integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""");

        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        Assert.StartsWith(location, made.Headers.Location!.OriginalString, StringComparison.Ordinal);
    }

    /// <summary>Opens the first page and all that it leads to and brings along, and calls the API as it does.</summary>
    private static async Task<string> LookRoundAsync(Visitor visitor, string face)
    {
        var html = await visitor.PageAsync(face);
        var references = Visitor.References(html).Distinct().ToList();
        Assert.Contains($"{face}/assets/ui.css", references);
        foreach (var reference in references)
        {
            Assert.StartsWith(face, reference, StringComparison.Ordinal);
            using var answer = await visitor.GetAsync(reference);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{reference}: {(int)answer.StatusCode}");
        }

        visitor.Script.DefaultRequestHeaders.Add("x-csrf-token", Visitor.CsrfOf(html));
        await visitor.Script.CallAsync(200, $"GET {face}/api/integrations");
        return html;
    }

    public sealed class PublicServer(PostgresFixture postgres) : IAsyncLifetime
    {
        internal TestServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() =>
            Server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:PublicUrl"] = PublicUrl.ToString() });

        public ValueTask DisposeAsync() => Server is null ? ValueTask.CompletedTask : Server.DisposeAsync();
    }
}
