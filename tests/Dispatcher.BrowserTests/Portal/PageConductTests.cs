// What every page does in the browser, whatever it shows.

using System.Globalization;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed class PageConductTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    // When an integration was made, on its page.
    private const string Created = "dt:text-is('Created') + dd time";

    [Fact]
    public async Task Times_are_in_the_readers_zone_with_the_UTC_on_hover()
    {
        var customer = await Api.CustomerAsync();
        var integration = await customer.RegisterAsync(new Uri("https://example.com/hook"));
        var made = integration.GetProperty("created_at").GetDateTimeOffset();
        var visit = await EnterPortalAsync(customer.Admin, change: options => options.TimezoneId = "Asia/Kolkata");
        await visit.OpenAsync($"/portal/integrations/{integration.Text("id")}");

        var time = visit.Page.Locator(Created);

        // Not waited for: it is so once the page is there, and not only when times are next looked through.
        var local = made.ToOffset(new TimeSpan(5, 30, 0)).ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        Assert.Contains(local, await time.TextContentAsync(), StringComparison.Ordinal);
        Assert.Equal(made.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture), await time.GetAttributeAsync("title"));
    }

    [Fact]
    public async Task Without_scripts_times_are_in_UTC()
    {
        var customer = await Api.CustomerAsync();
        var integration = await customer.RegisterAsync(new Uri("https://example.com/hook"));
        var made = integration.GetProperty("created_at").GetDateTimeOffset();
        var visit = await EnterPortalAsync(customer.Admin, change: options => options.JavaScriptEnabled = false);

        await visit.OpenAsync($"/portal/integrations/{integration.Text("id")}");

        await Expect(visit.Page.Locator(Created))
            .ToHaveTextAsync(made.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task The_scheme_is_the_systems_until_one_is_chosen_which_is_kept()
    {
        const string Ground = "() => getComputedStyle(document.body).backgroundColor";
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        var light = await visit.Page.EvaluateAsync<string>(Ground);
        await Look.Dark.PutOnAsync(visit.Page);
        var dark = await visit.Page.EvaluateAsync<string>(Ground);
        Assert.NotEqual(light, dark);

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Switch between light and dark" }).ClickAsync();

        Assert.Equal(light, await visit.Page.EvaluateAsync<string>(Ground));
        await visit.Page.ReloadAsync();
        Assert.Equal(light, await visit.Page.EvaluateAsync<string>(Ground));
    }

    [Fact]
    public async Task Code_is_copied_by_its_button()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin, change: options => options.Permissions = ["clipboard-read", "clipboard-write"]);

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Copy" }).ClickAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("Copied.");
        Assert.Equal(
            await visit.Page.Locator("pre").TextContentAsync(),
            await visit.Page.EvaluateAsync<string>("() => navigator.clipboard.readText()"));
    }
}
