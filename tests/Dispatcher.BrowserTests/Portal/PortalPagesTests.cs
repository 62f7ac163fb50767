// The portal's pages, as people see them.

using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed class PortalPagesTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task A_link_leads_to_the_integrations_and_leaves_the_address_bar()
    {
        var customer = await Api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, """ "name":"ERP" """, "\"job.*\",\"document_predict\"");
        await customer.RegisterAsync(new Uri("https://example.com/hook"), """ "enabled":false """);

        var visit = await EnterPortalAsync(customer.Admin);

        await Expect(visit.Page).ToHaveURLAsync(new Uri(Home, "/portal").ToString());
        await Expect(visit.Page).ToHaveTitleAsync(new Regex("^Integrations"));
        await Expect(visit.LinkTo("ERP")).ToBeVisibleAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "https://example.com/hook" })).ToContainTextAsync("disabled");
        await visit.LookAsync("portal-integrations");
    }

    [Fact]
    public async Task An_integration_shows_what_became_of_its_deliveries()
    {
        var customer = await Api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = (await customer.RegisterAsync(receiver.Url, """ "name":"ERP","retry":{"max_attempts":1} """)).Text("id");
        await customer.PublishAsync("document_predict");
        await customer.DeliveryAsync($"integration={integration}&type=document_predict", "succeeded");
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await customer.PublishAsync("document_evaluate");
        await customer.DeliveryAsync($"integration={integration}&type=document_evaluate", "exhausted");

        var visit = await EnterPortalAsync(customer.Admin);
        await visit.LinkTo("ERP").ClickAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "document_evaluate" })).ToContainTextAsync("exhausted");
        await visit.LinkTo("Deliveries", "Parts of this integration").ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "document_predict" })).ToContainTextAsync("succeeded");
        await Expect(visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "document_evaluate" })).ToContainTextAsync("exhausted");
    }

    [Fact]
    public async Task Where_there_is_nothing_yet_the_pages_say_how_to_begin()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        await Expect(visit.LinkTo("Add endpoint")).ToBeVisibleAsync();
        await Expect(visit.Page.Locator("pre")).ToContainTextAsync("curl");
        await visit.LookAsync("portal-integrations-empty");

        var integration = (await customer.RegisterAsync(new Uri("https://example.com/hook"))).Text("id");
        await visit.OpenAsync($"/portal/integrations/{integration}");

        await Expect(visit.LinkTo("Send a test event")).ToBeVisibleAsync();
        await Expect(visit.Page.Locator(".empty pre")).ToContainTextAsync("curl");
        await visit.LookAsync("portal-integration-empty");
    }

    [Fact]
    public async Task Notices_say_what_to_do()
    {
        var customer = await Api.CustomerAsync();
        var visit = await VisitAsync();
        await visit.OpenAsync("/portal", 404);
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Name = "Open your link first" })).ToBeVisibleAsync();
        await visit.LookAsync("portal-no-session");

        visit = await EnterPortalAsync(customer.Admin);
        await visit.OpenAsync("/portal/integrations/int_unknown", 404);
        await Expect(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Webhooks" })).ToBeVisibleAsync();
        await visit.LookAsync("portal-not-found");
    }

    [Fact]
    public async Task An_open_page_says_so_when_its_link_is_revoked()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        var session = (await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data()[0].Text("id");
        await customer.Admin.CallAsync(204, $"DELETE /portal-sessions/{session}");
        visit.Watch.Expect("was answered 410");

        await visit.Page.ReloadAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Name = "This link has ended" })).ToBeVisibleAsync();
        await visit.LookAsync("portal-ended");
    }

    [Fact]
    public async Task Two_tenants_side_by_side_see_each_their_own()
    {
        var (one, other) = (await Api.CustomerAsync(), await Api.CustomerAsync());
        var foreign = (await other.RegisterAsync(new Uri("https://example.com/other"))).Text("id");
        await one.RegisterAsync(new Uri("https://example.com/one"));
        var (visit, neighbour) = (await EnterPortalAsync(one.Admin), await EnterPortalAsync(other.Admin));

        await Expect(visit.LinkTo("https://example.com/one")).ToBeVisibleAsync();
        await Expect(visit.Page.GetByText("https://example.com/other")).ToHaveCountAsync(0);
        await Expect(neighbour.LinkTo("https://example.com/other")).ToBeVisibleAsync();
        await visit.OpenAsync($"/portal/integrations/{foreign}", 404);
        await neighbour.OpenAsync($"/portal/integrations/{foreign}");
    }

    [Fact]
    public async Task Markup_of_strangers_is_shown_as_text()
    {
        const string Markup = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>";
        var customer = await Api.CustomerAsync();
        var integration = (await customer.Admin.CallAsync(201, "POST /integrations", JsonSerializer.Serialize(new
        {
            type = "webhook",
            name = Markup,
            events = new[] { "*" },
            target = "https://example.com/?a=<script>alert(3)</script>",
        }))).Text("id");

        // Had any of it run, an alert would have opened, or the console would tell of the policy.
        var visit = await EnterPortalAsync(customer.Admin);
        await Expect(visit.LinkTo(Markup)).ToBeVisibleAsync();
        await visit.OpenAsync($"/portal/integrations/{integration}");

        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Name = Markup })).ToBeVisibleAsync();
        await Expect(visit.Page).ToHaveTitleAsync(new Regex("^<img src=x"));
    }

    [Fact]
    public async Task The_keyboard_reaches_the_content_first()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);

        await visit.Page.Keyboard.PressAsync("Tab");

        await Expect(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Skip to content" })).ToBeFocusedAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Expect(visit.Page).ToHaveURLAsync(new Regex("#main$"));
    }
}
