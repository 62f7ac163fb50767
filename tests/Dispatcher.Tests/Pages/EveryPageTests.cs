// Every page of both faces, as they are mapped: who sees it, and what others get instead.

using System.Net;
using Dispatcher.Pages;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Portal;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Pages;

public sealed class EveryPageTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>What no page shows: it is a file, to be kept.</summary>
    private const string Download = "/events/{id}/payload";

    /// <summary>What a link that only reads does not lead to.</summary>
    private static readonly string[] ForChanges = ["/integrations/new", "/integrations/{id}/edit", "/integrations/{id}/test", "/integrations/{id}/secret"];

    /// <summary>A face's pages, as they are mapped.</summary>
    private List<string> PagesOf(string face) => [.. api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(e => e.Metadata.GetMetadata<OfFace>() is not null && e.Metadata.GetMetadata<NeedsSession>() is not null)
        .Select(e => "/" + e.RoutePattern.RawText!.Trim('/'))
        .Where(path => path == face || path.StartsWith(face + "/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal)];

    [Fact]
    public void There_are_pages_and_all_that_is_a_faces_and_open_is_known()
    {
        Assert.InRange(PagesOf("/portal").Count, 10, 100);
        Assert.InRange(PagesOf("/dashboard").Count, 20, 100);
        var open = api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<OfFace>() is not null && e.Metadata.GetMetadata<NeedsSession>() is null)
            .Select(e => "/" + e.RoutePattern.RawText!.Trim('/')).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "/", "/checks/integrations", "/checks/integrations/{id}", "/dashboard/assets/{name}", "/dashboard/sign-in", "/dashboard/sign-out",
                "/portal/assets/brand.css", "/portal/assets/logo", "/portal/assets/{name}", "/portal/{token}",
            ], open);
    }

    [Theory]
    [InlineData("/portal", "admin")]
    [InlineData("/portal", "member")]
    [InlineData("/dashboard", "operator")]
    public async Task A_page_is_shown_to_who_may_see_it(string face, string role)
    {
        var world = await WorldAsync();
        using var visitor = await ComeAsync(face, role, world.Customer);
        var scope = face == "/dashboard" ? $"?organization={world.Customer.Id}" : "";

        foreach (var page in PagesOf(face))
        {
            var address = world.Address(page) + scope;
            if (page.EndsWith(Download, StringComparison.Ordinal))
            {
                using var file = await visitor.GetAsync(address);
                Assert.Equal((HttpStatusCode.OK, "attachment"), (file.StatusCode, file.Content.Headers.ContentDisposition?.DispositionType));
                Visitor.AssertGuarded(file);
                continue;
            }

            // Guarded, and without inline code: that is asked of every page in here.
            var html = await visitor.PageAsync(address, role == "member" && ForChanges.Contains(page[face.Length..]) ? 403 : 200);
            Assert.DoesNotContain(world.Secret, WebUtility.HtmlDecode(html), StringComparison.Ordinal);
            Assert.All(Visitor.References(html), r => Assert.StartsWith(face, r, StringComparison.Ordinal));
            if (role == "member") Assert.DoesNotMatch("data-method|data-call=", html);
            using var answer = await visitor.GetAsync(address);
            Assert.True(answer.Headers.CacheControl!.NoStore, address);
        }
    }

    [Fact]
    public async Task Without_a_session_a_page_of_the_dashboard_leads_to_signing_in_and_one_of_the_portal_says_where_to_begin()
    {
        var world = await WorldAsync();
        using var visitor = new Visitor(api.Operator);

        foreach (var page in PagesOf("/dashboard"))
        {
            using var answer = await visitor.GetAsync(world.Address(page));
            var below = world.Address(page)["/dashboard".Length..].TrimStart('/');
            Assert.Equal(
                (HttpStatusCode.Redirect, $"/dashboard/sign-in{(below.Length == 0 ? "" : "?page=" + Uri.EscapeDataString(below))}"),
                (answer.StatusCode, answer.Headers.Location?.OriginalString));
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
            Visitor.AssertGuarded(answer);
        }

        foreach (var page in PagesOf("/portal"))
        {
            var html = await visitor.PageAsync(world.Address(page), 404);
            Assert.Contains("Open your link first", html, StringComparison.Ordinal);
            Assert.DoesNotContain(world.Ids["integrations"], html, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/portal", "admin")]
    [InlineData("/dashboard", "operator")]
    public async Task What_belongs_to_another_organization_is_not_there(string face, string role)
    {
        var (theirs, mine) = (await WorldAsync(), await api.CustomerAsync());
        using var visitor = await ComeAsync(face, role, mine);
        var pages = PagesOf(face);
        Assert.Contains(pages, p => p.Contains('{', StringComparison.Ordinal));

        foreach (var page in pages)
        {
            var isOfOne = page.Contains('{', StringComparison.Ordinal);
            var html = await visitor.PageAsync($"{theirs.Address(page)}{(face == "/dashboard" ? $"?organization={mine.Id}" : "")}", isOfOne ? 404 : 200);
            if (!isOfOne && face == "/portal") Assert.DoesNotContain(theirs.Ids["integrations"], html, StringComparison.Ordinal);
            if (face == "/dashboard") await visitor.PageAsync($"{theirs.Address(page)}?organization=nobody", 404);
            if (isOfOne) await visitor.PageAsync(page.Replace("{id}", "none", StringComparison.Ordinal), 404);
        }
    }

    [Fact]
    public async Task A_link_for_one_project_shows_nothing_of_another()
    {
        var world = await WorldAsync();
        using var visitor = new Visitor(api.Operator);
        await visitor.EnterAsync((await world.Customer.Admin.CallAsync(200, "POST /webhook", """{"project":"elsewhere"}""")).Text("link"));

        foreach (var page in PagesOf("/portal"))
        {
            var html = await visitor.PageAsync(world.Address(page), page.Contains('{', StringComparison.Ordinal) ? 404 : 200);
            foreach (var id in new[] { "deliveries", "events" }) if (!page.Contains('{', StringComparison.Ordinal)) Assert.DoesNotContain(world.Ids[id], html, StringComparison.Ordinal);
        }
    }

    private async Task<World> WorldAsync()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url, "\"project\":\"p\",\"name\":\"ERP\"");
        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync(members: "\"project\":\"p\"")}", "succeeded");
        return new World(customer, integration.Text("secret")["whsec_".Length..], new() { ["integrations"] = integration.Text("id"), ["deliveries"] = delivery.Text("id"), ["events"] = delivery.Text("event_id") });
    }

    private async Task<Visitor> ComeAsync(string face, string role, Customer customer)
    {
        var visitor = new Visitor(api.Operator);
        if (face == "/dashboard") await visitor.SignInAsync();
        else await visitor.EnterAsync((await customer.Admin.CallAsync(200, "POST /webhook", $$"""{"role":"{{role}}"}""")).Text("link"));
        return visitor;
    }

    /// <summary>An organization with one thing of each kind that has pages of its own, by the first part of their addresses.</summary>
    private sealed record World(Customer Customer, string Secret, Dictionary<string, string> Ids)
    {
        /// <summary>A page's address for the one thing of its kind.</summary>
        public string Address(string page) => page.Contains("{id}", StringComparison.Ordinal)
            ? page.Replace("{id}", Ids[page.Split('/')[2]], StringComparison.Ordinal)
            : page;
    }
}
