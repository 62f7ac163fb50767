// Markup that tries to run, in addresses: what somebody sends an operator or a customer as a link.

using Dispatcher.BrowserTests.Harness;

namespace Dispatcher.BrowserTests.Faces;

[Collection<WorldSite>]
public sealed class HostileAddressTests(Chromium chromium, PlainWorld site) : BrowserTest(chromium, site)
{
    [Fact]
    public async Task No_address_makes_a_page_run_or_show_what_it_holds()
    {
        var (portal, dashboard) = (await EnterPortalAsync(site.World.Admin), await SignInAsync());
        foreach (var visit in new[] { portal, dashboard })
        {
            visit.Watch.Expect("was answered 404");
            visit.Watch.Expect("was answered 422");
        }

        await Task.WhenAll(
            OpenAsync(portal, "/portal", SharedAddresses(site.World)),
            OpenAsync(dashboard, "/dashboard", [.. SharedAddresses(site.World), .. DashboardAddresses()]));
    }

    private static async Task OpenAsync(Visit visit, string face, IEnumerable<string> addresses)
    {
        foreach (var address in addresses)
        {
            var answer = await visit.Page.GotoAsync($"{face}/{address}");
            Assert.True(answer!.Status < 500, $"{address} was answered {answer.Status}");
            await Hostile.CheckAsync(visit.Page);
        }
    }

    private static IEnumerable<string> SharedAddresses(World world)
    {
        var text = Uri.EscapeDataString(Hostile.Markup);
        string[] lists = ["integrations", "deliveries", "events"];
        return
        [
            text, $"integrations/{text}", $"deliveries/{text}", $"events/{text}", $"integrations?q={text}", $"integrations?status={text}",
            .. from member in new[] { "id", "type", "status", "integration", "since", "until" } select $"deliveries?{member}={text}",
            .. from member in new[] { "id", "type", "project", "inbox", "since", "until" } select $"events?{member}={text}",
            .. from list in lists from member in new[] { "cursor", "limit", "organization", text } select $"{list}?{member}={text}",
            $"integrations/{world.Integration}?range={text}", $"integrations/{world.Integration}/verify?language={text}",
            $"integrations/{world.Integration}/test?event={text}", $"integrations/{world.Integration}/test?delivery={text}",
            $"integrations/{world.Integration}/recover?cursor={text}",
        ];
    }

    private static IEnumerable<string> DashboardAddresses()
    {
        var text = Uri.EscapeDataString(Hostile.Markup);
        return
        [
            $"?range={text}", $"failures?range={text}", $"all-deliveries?type={text}", $"all-deliveries?status={text}", $"audit?action={text}",
            $"audit?target={text}", $"server-audit?target={text}", $"bulk?cursor={text}", $"keys?organization={text}", $"nodes?cursor={text}",
            $"sign-in?page={text}",
        ];
    }
}
