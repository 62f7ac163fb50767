// The end of a session while its pages are open: what they then say, by themselves and when something is done.

using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Microsoft.Playwright;
using Npgsql;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed class SessionEndTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task A_page_that_keeps_itself_up_to_date_says_that_its_session_has_ended()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        await visit.OpenAsync("/portal/deliveries");
        visit.Watch.Expect("/portal/deliveries was answered 410");

        await EndAsync(customer);

        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("session has ended");
        await Accessibility.CheckAsync(visit.Page, "a page whose session has ended");
    }

    [Fact]
    public async Task A_button_says_that_the_session_has_ended_and_the_page_then_says_how_to_go_on()
    {
        var customer = await Api.CustomerAsync();
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/hook"), """ "name":"ERP" """)).Text("id");
        var visit = await EnterPortalAsync(customer.Admin);
        visit.Watch.Expect($"/portal/api/integrations/{integration} was answered 401");
        visit.Watch.Expect("was answered 410");
        await EndAsync(customer);

        await visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "ERP" }).GetByRole(AriaRole.Button).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("session has ended");
        Assert.True((await customer.Admin.CallAsync(200, $"GET /integrations/{integration}")).GetProperty("enabled").GetBoolean());
        await visit.Page.ReloadAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("This link has ended");
    }

    [Fact]
    public async Task A_form_keeps_what_is_in_it_when_the_session_has_ended()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        await visit.LinkTo("Add endpoint").ClickAsync();
        await visit.Page.GetByLabel("Target").FillAsync("https://example.com/hook");
        await visit.Page.Locator("[data-pattern='*']").CheckAsync();
        visit.Watch.Expect("/portal/api/integrations was answered 401");
        // Of the checks beforehand; they may come or not.
        visit.Watch.Ignore("/portal/api/checks/integrations was answered 401");
        await EndAsync(customer);

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add endpoint" }).ClickAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("session has ended");
        await Expect(visit.Page.GetByLabel("Target")).ToHaveValueAsync("https://example.com/hook");
        Assert.Empty((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
    }

    [Fact]
    public async Task A_link_whose_time_is_over_leads_nowhere()
    {
        var customer = await Api.CustomerAsync();
        var visit = await EnterPortalAsync(customer.Admin);
        var link = (await customer.Admin.CallAsync(200, "POST /webhook")).Text("link");
        await ExpireAsync(customer.Id);
        visit.Watch.Expect("was answered 410");

        await visit.Page.ReloadAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("This link has ended");
        await visit.OpenAsync(link, 410);
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("This link has ended");
        await Expect(visit.Page.GetByRole(AriaRole.Navigation)).ToHaveCountAsync(0);
    }

    private static async Task EndAsync(Customer customer)
    {
        foreach (var session in (await customer.Admin.CallAsync(200, "GET /portal-sessions")).Data())
            await customer.Admin.CallAsync(204, $"DELETE /portal-sessions/{session.Text("id")}");
    }

    /// <summary>Moves the time to the session: links last for a minute at least.</summary>
    private async Task ExpireAsync(string organization)
    {
        await using var connection = new NpgsqlConnection(Api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "UPDATE dispatcher.portal_session SET created_at = created_at - interval '2 hours', expires_at = now() - interval '1 hour' WHERE organization_id = $1", connection)
        {
            Parameters = { new() { Value = organization } },
        };
        Assert.Equal(2, await command.ExecuteNonQueryAsync());
    }
}
