// A member's link: it shows what an admin's shows, and changes nothing.

using System.Text.RegularExpressions;
using Dispatcher.BrowserTests.Harness;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Faces;

[Collection<WorldSite>]
public sealed partial class ReadOnlyTests(Chromium chromium, PlainWorld site) : BrowserTest(chromium, site)
{
    private const string MembersLink = """{"role":"member"}""";

    // All that changes nothing: what copies, filters, shows one thing or another. A control that is none of these is one too many.
    private const string Changing =
        """
        button:not([data-copy], [data-show], [data-theme-switch], form[data-filter] button),
        form:not([data-filter]), [data-call], [data-act], input[type=checkbox], dialog
        """;

    private const string Calls =
        """
        async calls => {
          const headers = { 'x-csrf-token': document.querySelector('meta[name=csrf-token]').content, 'content-type': 'application/json' };
          const statuses = [];
          for (const [method, path] of calls) statuses.push((await fetch('/portal/api' + path, { method, headers, body: method === 'GET' ? undefined : '{}' })).status);
          return statuses;
        }
        """;

    [Fact]
    public async Task Pages_show_no_button_that_changes_anything()
    {
        var visit = await EnterPortalAsync(site.World.Admin, MembersLink);

        foreach (var (name, address) in FacePages.OfPortal(site.Server, site.World))
        {
            var isForChange = ForChange().IsMatch(address);
            await visit.OpenAsync(address, isForChange ? 403 : 200);
            await Expect(visit.Page.Locator("header")).ToContainTextAsync("read only");
            var controls = await visit.Page.Locator(Changing).EvaluateAllAsync<string[]>("all => all.map(e => e.outerHTML.slice(0, 200))");
            Assert.True(controls.Length == 0, $"{name}: {string.Join('\n', controls)}");
            var links = await visit.Page.Locator("a[href]:not([href^='#'])").EvaluateAllAsync<string[]>("all => all.map(e => e.pathname)");
            Assert.DoesNotContain(links, ForChange().IsMatch);
            if (isForChange) await Expect(visit.Page.Locator("main a").First).ToBeVisibleAsync();
        }
    }

    [Fact]
    public async Task The_api_refuses_every_change_although_the_cookie_is_good()
    {
        var visit = await EnterPortalAsync(site.World.Admin, MembersLink);
        string[][] reads = [["GET", "/integrations"], ["GET", $"/deliveries/{site.World.Exhausted}"]];
        string[][] changes = [["GET", $"/integrations/{site.World.Integration}/secret"], .. ChangingOperations()];
        Assert.True(changes.Length > 25, $"{changes.Length} operations");
        visit.Watch.Expect("was answered 403");

        Assert.All(await visit.Page.EvaluateAsync<int[]>(Calls, reads), status => Assert.Equal(200, status));
        var statuses = await visit.Page.EvaluateAsync<int[]>(Calls, changes);

        Assert.All(changes.Zip(statuses), one => Assert.True(one.Second == 403, $"{string.Join(' ', one.First)} was answered {one.Second}"));
    }

    /// <summary>All operations of the API that are no mere reading, about what there is.</summary>
    private IEnumerable<string[]> ChangingOperations() =>
        from endpoint in site.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        where endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null
        let path = "/" + endpoint.RoutePattern.RawText!.Trim('/').Replace("{id}", site.World.Integration, StringComparison.Ordinal)
        from method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []
        where method is "POST" or "PUT" or "PATCH" or "DELETE"
        select new[] { method, Parameter().Replace(path, "any") };

    [GeneratedRegex(@"/(new|edit|test|secret)(\?|$)")]
    private static partial Regex ForChange();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();
}
