// Two tenants side by side: the pages of the one are not there for the other, by whatever address.

using Dispatcher.BrowserTests.Harness;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Faces;

[Collection<WorldSite>]
public sealed class ForeignIdsTests(Chromium chromium, PlainWorld site) : BrowserTest(chromium, site)
{
    [Fact]
    public async Task Pages_of_another_tenant_are_not_found()
    {
        var customer = await Api.CustomerAsync();
        var (owner, stranger) = (await EnterPortalAsync(site.World.Admin), await EnterPortalAsync(customer.Admin));
        var foreign = FacePages.OfPortal(site.Server, site.World).Select(p => p.Address).Where(a => a.Split('?')[0].Contains('_', StringComparison.Ordinal)).ToList();
        Assert.True(foreign.Count > 8, $"{foreign.Count} pages");

        foreach (var address in foreign)
        {
            await stranger.OpenAsync(address, 404);
            await Expect(stranger.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Not found");
        }

        await owner.OpenAsync(foreign[0]);
        await stranger.OpenAsync($"/portal/deliveries?integration={site.World.Integration}");
        await Expect(stranger.Page.GetByRole(AriaRole.Row)).ToHaveCountAsync(0);
        await stranger.OpenAsync($"/portal/deliveries?id={site.World.Event}");
        await Expect(stranger.Page.GetByRole(AriaRole.Row)).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_link_of_one_project_shows_nothing_of_the_others()
    {
        var visit = await EnterPortalAsync(site.World.Admin, $$"""{"project":"{{World.Project}}"}""");

        await Expect(visit.Page.Locator(".scope")).ToHaveTextAsync($"{World.Organization} / {World.Project}");
        await Expect(visit.LinkTo("The failing integration's name")).ToBeVisibleAsync();
        await Expect(visit.LinkTo("The integration's name")).ToHaveCountAsync(0);
        await visit.OpenAsync($"/portal/integrations/{site.World.Integration}", 404);
        await visit.OpenAsync($"/portal/integrations/{site.World.FailingIntegration}");
    }

    [Fact]
    public async Task What_an_operator_opens_in_the_wrong_organization_is_not_found()
    {
        var visit = await SignInAsync();

        await visit.OpenAsync($"/dashboard/deliveries/{site.World.Exhausted}?organization={World.Organization}");
        await visit.OpenAsync($"/dashboard/deliveries/{site.World.Exhausted}?organization=default", 404);
        await visit.OpenAsync("/dashboard/integrations?organization=nobody", 404);
    }
}
