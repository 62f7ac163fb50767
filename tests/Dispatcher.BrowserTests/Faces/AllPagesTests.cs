// Every page of both faces, each as three people would see it, and every link on them.

using Dispatcher.BrowserTests.Harness;

namespace Dispatcher.BrowserTests.Faces;

[Collection<WorldSite>]
public sealed class AllPagesTests(Chromium chromium, PlainWorld site) : BrowserTest(chromium, site)
{
    [Fact]
    public async Task Every_page_is_accessible_and_leads_somewhere()
    {
        var (portal, dashboard) = (await EnterPortalAsync(site.World.Admin), await SignInAsync());
        var (portalTour, dashboardTour) = (new PageTour(portal), new PageTour(dashboard));

        await Task.WhenAll(
            TourAsync(portalTour, FacePages.OfPortal(site.Server, site.World)),
            TourAsync(dashboardTour, FacePages.OfDashboard(site.Server, site.World)));

        string[] faults = [.. portalTour.Faults, .. dashboardTour.Faults];
        Assert.True(faults.Length == 0, string.Join("\n\n", faults));
        // Were none found, nothing would have been followed.
        Assert.True(portalTour.Links > 30 && dashboardTour.Links > 60, $"{portalTour.Links} and {dashboardTour.Links} links");
    }

    private static async Task TourAsync(PageTour tour, IReadOnlyList<(string Name, string Address)> pages)
    {
        foreach (var (name, address) in pages) await tour.SeeAsync(name, address);
        await tour.FollowLinksAsync();
    }
}
