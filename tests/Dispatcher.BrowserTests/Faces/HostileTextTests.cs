// Hostile.Markup that tries to run, in every text that somebody else chooses: nothing of it may, on no page of either face.

using System.Collections.Concurrent;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Faces;

/// <summary>A provider whose name is hostile, too.</summary>
public sealed class HostileProvider(PostgresFixture postgres) : ApiServer(postgres)
{
    private protected override IReadOnlyDictionary<string, string?> Settings =>
        new Dictionary<string, string?> { ["Dispatcher:Portal:ProviderName"] = "Brand\"'><script>alert(3)</script><xss-mark>" };
}

public sealed class HostileTextTests(Chromium chromium, HostileProvider site) : BrowserTest(chromium, site), IClassFixture<HostileProvider>
{
    // All that a page says: its text, its attributes, and what its fields hold.
    private const string Said =
        """
        () => [document.documentElement.textContent, document.title]
          .concat([...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.value).concat(e.value ?? []))).join('\n')
        """;

    // Has the live parts of a page put in anew, by the page's own script.
    private const string Refresh = "async face => { await (await import(face + '/assets/live.js')).refresh(); }";

    // Kept, but for the eyes of nobody.
    private static readonly string[] Unseen = ["the header's value", "the password"];

    private readonly ConcurrentDictionary<string, bool> _seen = new();

    [Fact]
    public async Task No_text_of_strangers_runs_or_becomes_an_element_on_any_page()
    {
        await using var world = await World.BuildAsync(Api.Server, Say);
        var (portal, dashboard) = (await EnterPortalAsync(world.Admin), await SignInAsync());

        await Task.WhenAll(
            TourAsync(portal, "/portal", FacePages.OfPortal(Api.Server, world), world, ""),
            TourAsync(dashboard, "/dashboard", FacePages.OfDashboard(Api.Server, world), world, $"?organization={World.Organization}"));
        await AskAsync(portal);

        // A text that is shown nowhere would have been tried for nothing.
        Assert.Empty(_seen.Where(text => !text.Value).Select(text => text.Key).Except(Unseen));
    }

    private string Say(string field)
    {
        _seen.TryAdd(field, false);
        return field + Hostile.Markup;
    }

    private async Task TourAsync(Visit visit, string face, IReadOnlyList<(string Name, string Address)> pages, World world, string query)
    {
        foreach (var address in pages.Select(p => p.Address).Concat(world.JobEvents.Select(id => $"{face}/events/{id}{query}")))
        {
            await visit.OpenAsync(address);
            await LookAsync(visit);
            await visit.Page.EvaluateAsync(Refresh, face);
            await LookAsync(visit);
        }
    }

    /// <summary>A question and a form's fault are made by scripts, of what the page holds.</summary>
    private async Task AskAsync(Visit portal)
    {
        await portal.OpenAsync("/portal/integrations");
        await portal.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "the integration's name" }).Locator("[data-confirm]").ClickAsync();
        await Expect(portal.Page.GetByRole(AriaRole.Dialog)).ToContainTextAsync(Hostile.Markup);
        await LookAsync(portal);
        await portal.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Cancel", Exact = true }).ClickAsync();
        await portal.OpenAsync("/portal/integrations/new");
        await portal.Page.GetByLabel("Target").FillAsync(Hostile.Markup);
        await portal.Page.GetByLabel("Another name or pattern").FillAsync(Hostile.Markup);
        await portal.Page.GetByRole(AriaRole.Button, new() { Name = "Add", Exact = true }).ClickAsync();
        await Expect(portal.Page.Locator("#event-other-fault")).ToBeVisibleAsync();
        await Expect(portal.Page.Locator("#target-fault")).ToBeVisibleAsync();
        await LookAsync(portal);
    }

    private async Task LookAsync(Visit visit)
    {
        await Hostile.CheckAsync(visit.Page);
        var said = await visit.Page.EvaluateAsync<string>(Said);
        foreach (var (text, isSeen) in _seen) if (!isSeen && said.Contains(text, StringComparison.Ordinal)) _seen[text] = true;
    }
}
