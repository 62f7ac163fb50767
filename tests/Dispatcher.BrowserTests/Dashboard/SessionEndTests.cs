// The end of an operator's session while its pages are open.

using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Microsoft.Playwright;
using Npgsql;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Dashboard;

[Collection<DashboardSite>]
public sealed class SessionEndTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task A_page_whose_time_is_over_says_so_and_leads_back_to_itself_after_signing_in()
    {
        var visit = await SignInAsync("nodes");
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Nodes");

        // Sign-ins last for a minute at least: the time is moved instead.
        await using var connection = new NpgsqlConnection(Api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "UPDATE dispatcher.operator_session SET created_at = created_at - interval '2 days', expires_at = now() - interval '1 day'", connection);
        Assert.True(await command.ExecuteNonQueryAsync() > 0);

        // It asks for itself every few seconds.
        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("session has ended");
        await visit.Page.ReloadAsync();
        await SignInAsync(visit);
        await Expect(visit.Page).ToHaveURLAsync(new Uri(Home, "/dashboard/nodes").ToString());
    }

    [Fact]
    public async Task A_button_on_a_page_of_which_one_has_signed_out_elsewhere_says_so_and_does_nothing()
    {
        var customer = await Api.CustomerAsync();
        var integration = (await customer.RegisterAsync(new Uri("https://example.com/hook"))).Text("id");
        var visit = await SignInAsync($"integrations/{integration}/verify?organization={customer.Id}");
        var other = await visit.Context.NewPageAsync();
        await other.GotoAsync("/dashboard/settings");
        await other.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(other.GetByLabel("Operator key")).ToBeVisibleAsync();
        visit.Watch.Expect($"/dashboard/api/integrations/{integration}?organization={customer.Id} was answered 401");

        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Disable" }).ClickAsync();

        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("session has ended");
        Assert.True((await customer.Admin.CallAsync(200, $"GET /integrations/{integration}")).GetProperty("enabled").GetBoolean());
    }
}
