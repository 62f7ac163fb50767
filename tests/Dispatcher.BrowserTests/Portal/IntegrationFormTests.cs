// The form of an endpoint: choosing events, authentication, and what it says of what is wrong.

using System.Text;
using System.Text.RegularExpressions;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed class IntegrationFormTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task Events_are_searched_and_chosen_by_name_by_word_and_by_what_is_typed()
    {
        var (customer, visit) = await OpenFormAsync();
        await visit.Page.GetByLabel("Search the catalogue").FillAsync("job failed");
        await Expect(BoxOf(visit, "job.failed")).ToBeVisibleAsync();
        await Expect(BoxOf(visit, "job.created")).ToBeHiddenAsync();
        await Expect(BoxOf(visit, "document_predict")).ToBeHiddenAsync();
        await visit.Page.GetByLabel("Search the catalogue").FillAsync("nothing like this");
        await Expect(visit.Page.GetByText("No event of the catalogue matches")).ToBeVisibleAsync();
        await visit.Page.GetByLabel("Search the catalogue").FillAsync("");

        // A word takes all that begin with it: they are shown as chosen, and cannot be chosen by themselves.
        await BoxOf(visit, "job.*").CheckAsync();
        await Expect(BoxOf(visit, "job.completed")).ToBeCheckedAsync();
        await Expect(BoxOf(visit, "job.completed")).ToBeDisabledAsync();
        await Expect(BoxOf(visit, "document_predict")).Not.ToBeCheckedAsync();
        await BoxOf(visit, "document_predict").CheckAsync();

        var other = visit.Page.GetByLabel("Another name or pattern");
        await other.FillAsync("in voice");
        await other.PressAsync("Enter");
        await Expect(visit.Page.Locator("#event-other-fault")).ToBeVisibleAsync();
        await other.FillAsync("invoice.*");
        await other.PressAsync("Enter");
        await Expect(BoxOf(visit, "invoice.*")).ToBeCheckedAsync();
        await Expect(visit.Page.Locator("#event-other-fault")).ToBeHiddenAsync();

        await visit.Page.GetByLabel("Target").FillAsync("https://example.com/hook");
        await AddAsync(visit);
        var made = Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
        Assert.Equal(["document_predict", "invoice.*", "job.*"], made.GetProperty("events").EnumerateArray().Select(e => e.GetString()).Order(StringComparer.Ordinal));

        // What is stored is chosen when the form comes again.
        await visit.OpenAsync($"/portal/integrations/{made.Text("id")}/edit");
        foreach (var pattern in new[] { "job.*", "job.completed", "document_predict", "invoice.*" }) await Expect(BoxOf(visit, pattern)).ToBeCheckedAsync();
        await Expect(BoxOf(visit, "document_evaluate")).Not.ToBeCheckedAsync();
    }

    [Fact]
    public async Task A_user_name_and_a_password_are_sent_with_each_post_and_shown_to_nobody()
    {
        await using var receiver = await Receiver.StartAsync();
        var (customer, visit) = await OpenFormAsync();
        await visit.Page.GetByLabel("Target").FillAsync(receiver.Url.ToString());
        await BoxOf(visit, "*").CheckAsync();
        await Expect(visit.Page.GetByLabel("User name")).ToBeHiddenAsync();
        await visit.Page.GetByLabel("Authentication").SelectOptionAsync("basic");
        await visit.Page.GetByLabel("User name").FillAsync("dispatcher");
        await visit.Page.GetByLabel("Password").FillAsync("horse battery");
        await AddAsync(visit);

        await customer.PublishAsync();
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("dispatcher:horse battery")), (await receiver.WaitForAsync(1))[0].Headers["authorization"]);

        // Another name, and the password stays although the page has never seen it.
        var id = Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data()).Text("id");
        await visit.OpenAsync($"/portal/integrations/{id}/edit");
        Assert.DoesNotContain("horse", await visit.Page.ContentAsync(), StringComparison.Ordinal);
        await visit.Page.GetByLabel("User name").FillAsync("other");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex($"/portal/integrations/{id}$"));
        await customer.PublishAsync();
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("other:horse battery")), (await receiver.WaitForAsync(2))[1].Headers["authorization"]);
    }

    [Fact]
    public async Task A_wrong_target_is_told_beside_its_field_while_the_form_is_filled_in()
    {
        var (_, visit) = await OpenFormAsync();
        var (target, fault) = (visit.Page.GetByLabel("Target"), visit.Page.Locator("#target-fault"));

        await target.FillAsync("ftp://example.com/hook");
        await target.PressAsync("Tab");

        await Expect(fault).ToContainTextAsync("http");
        await Expect(target).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(target).ToHaveAttributeAsync("aria-errormessage", "target-fault");
        // Nothing is said of what nobody has come to yet.
        await Expect(visit.Page.Locator("#events-fault")).ToBeHiddenAsync();
        await Accessibility.CheckAsync(visit.Page, "a form with a wrong target");

        await target.FillAsync("https://example.com/hook");
        await Expect(fault).ToBeHiddenAsync();
        await Expect(target).Not.ToHaveAttributeAsync("aria-invalid", "true");
    }

    [Fact]
    public async Task What_was_typed_survives_a_refusal()
    {
        var (customer, visit) = await OpenFormAsync();
        await visit.Page.GetByLabel("Target").FillAsync("https://user:password@example.com/hook");
        await visit.Page.GetByLabel("Name optional").FillAsync("ERP");
        await BoxOf(visit, "job.*").CheckAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add header" }).ClickAsync();
        await visit.Page.GetByLabel("Header", new() { Exact = true }).FillAsync("x-team");
        await visit.Page.GetByLabel("Value", new() { Exact = true }).FillAsync("erp");
        visit.Watch.Expect("/portal/api/integrations was answered 422");

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add endpoint" }).ClickAsync();

        await Expect(visit.Page.Locator("#target-fault")).ToContainTextAsync("basic_auth");
        await Expect(visit.Page.GetByLabel("Target")).ToBeFocusedAsync();
        await Expect(visit.Page.GetByLabel("Name optional")).ToHaveValueAsync("ERP");
        await Expect(BoxOf(visit, "job.*")).ToBeCheckedAsync();
        await Expect(visit.Page.GetByLabel("Value", new() { Exact = true })).ToHaveValueAsync("erp");

        await visit.Page.GetByLabel("Target").FillAsync("https://example.com/hook");
        await AddAsync(visit);
        var made = Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
        Assert.Equal(("ERP", "job.*"), (made.Text("name"), made.GetProperty("events")[0].GetString()));
        Assert.True(made.GetProperty("headers").TryGetProperty("x-team", out _));
    }

    [Fact]
    public async Task The_keyboard_alone_adds_an_endpoint()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        var keyboard = visit.Page.Keyboard;
        await TabToAsync(visit, visit.LinkTo("Add endpoint"));
        await keyboard.PressAsync("Enter");
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Add an endpoint");

        await TabToAsync(visit, visit.Page.GetByLabel("Target"));
        await keyboard.TypeAsync("https://example.com/hook");
        await TabToAsync(visit, BoxOf(visit, "job.*"));
        await keyboard.PressAsync("Space");
        await TabToAsync(visit, visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add header" }));
        await keyboard.PressAsync("Enter");
        // The new field has the focus.
        await Expect(visit.Page.GetByLabel("Header", new() { Exact = true })).ToBeFocusedAsync();
        await keyboard.TypeAsync("x-team");
        await keyboard.PressAsync("Tab");
        await keyboard.TypeAsync("erp");
        await TabToAsync(visit, visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add endpoint" }));
        await keyboard.PressAsync("Enter");

        var dialog = visit.Page.GetByRole(AriaRole.Dialog);
        await Expect(dialog).ToBeVisibleAsync();
        await TabToAsync(visit, dialog.GetByRole(AriaRole.Link, new() { Name = "Go to the endpoint" }));
        await keyboard.PressAsync("Enter");
        await Expect(visit.Page.Locator(".target")).ToHaveTextAsync("https://example.com/hook");

        // Escape closes a question, and it was no yes.
        await TabToAsync(visit, visit.Page.GetByRole(AriaRole.Button, new() { Name = "Disable" }));
        await keyboard.PressAsync("Enter");
        await Expect(dialog).ToBeVisibleAsync();
        await keyboard.PressAsync("Escape");
        await Expect(dialog).ToHaveCountAsync(0);
        Assert.True(Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data()).GetProperty("enabled").GetBoolean());
    }

    private async Task<(Customer Customer, Visit Visit)> OpenFormAsync()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        await visit.OpenAsync("/portal/integrations/new");
        return (customer, visit);
    }

    private static async Task AddAsync(Visit visit)
    {
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add endpoint" }).ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Dialog)).ToBeVisibleAsync();
    }

    private static ILocator BoxOf(Visit visit, string pattern) => visit.Page.Locator($"[data-pattern='{pattern}']");

    /// <summary>Presses the key that goes to the next field until it has come to this one.</summary>
    private static async Task TabToAsync(Visit visit, ILocator wanted)
    {
        await Expect(wanted).ToBeVisibleAsync();
        for (var presses = 0; presses < 80; presses++)
        {
            if (await wanted.EvaluateAsync<bool>("e => e === document.activeElement")) return;
            await visit.Page.Keyboard.PressAsync("Tab");
        }

        Assert.Fail($"{wanted} cannot be reached by the keyboard");
    }
}
