// Signing in to the dashboard, and out again.

using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Dashboard;

[Collection<DashboardSite>]
public sealed class SignInTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task Who_asks_for_a_page_signs_in_first_and_is_led_there()
    {
        var customer = await Api.CustomerAsync();
        await customer.RegisterAsync(new Uri("https://example.com/hook"));
        var visit = await VisitAsync();
        await visit.OpenAsync($"/dashboard/integrations?organization={customer.Id}");
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
        await Expect(visit.Page.GetByLabel("Operator key")).ToBeFocusedAsync();
        await visit.LookAsync("dashboard-sign-in");

        await SignInAsync(visit);

        await Expect(visit.Page).ToHaveURLAsync(new Uri(Home, $"/dashboard/integrations?organization={customer.Id}").ToString());
        await Expect(visit.LinkTo("https://example.com/hook")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("dsp_unknown", 401, "unknown")]
    [InlineData(null, 403, "role admin")]
    public async Task A_key_that_is_no_operators_is_refused_beside_its_field(string? key, int status, string why)
    {
        key ??= await AdminKeyAsync();
        var visit = await VisitAsync();
        await visit.OpenAsync("/dashboard/sign-in");
        visit.Watch.Expect($"/dashboard/sign-in was answered {status}");

        await visit.Page.GetByLabel("Operator key").FillAsync(key);
        await visit.Page.Keyboard.PressAsync("Enter");

        await Expect(visit.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync(why);
        await Expect(visit.Page.GetByLabel("Operator key")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(visit.Page.GetByLabel("Operator key")).ToHaveValueAsync("");
        await visit.LookAsync($"dashboard-sign-in-{status}");
    }

    [Fact]
    public async Task Who_signs_out_is_out_on_every_page()
    {
        var visit = await SignInAsync("integrations");
        var other = await visit.Context.NewPageAsync();
        await other.GotoAsync("/dashboard/integrations");

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();

        await other.ReloadAsync();
        await Expect(other.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
    }

    private async Task<string> AdminKeyAsync() =>
        (await Api.Operator.CallAsync(201, "POST /api-keys", """{"role":"admin","organization":"default"}""")).Text("key");
}
