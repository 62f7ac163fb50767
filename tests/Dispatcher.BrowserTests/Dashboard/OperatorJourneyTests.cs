// What an operator comes to the dashboard for: an endpoint of a customer fails, and is helped.

using System.Text.RegularExpressions;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Dashboard;

[Collection<DashboardSite>]
public sealed class OperatorJourneyTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    private int _status = 500;

    [Fact]
    public async Task From_the_overview_over_what_fails_to_deliveries_that_arrive()
    {
        var (customer, other) = (await Api.CustomerAsync(), await Api.CustomerAsync());
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = Volatile.Read(ref _status);
            return Task.CompletedTask;
        };
        await customer.RegisterAsync(receiver.Url, """ "name":"Ledger","retry":{"max_attempts":1} """, "\"entry.*\"");
        await other.RegisterAsync(receiver.Url, """ "retry":{"base_seconds":3600} """, "\"other.*\"");
        for (var n = 0; n < 3; n++) await customer.PublishAsync("entry.posted");
        await other.PublishAsync("other.thing");
        await Eventually.TrueAsync(
            async () => (await customer.Admin.CallAsync(200, "GET /deliveries?status=exhausted")).Data().Count == 3, "three deliveries have failed for good");

        var visit = await SignInAsync();
        await SeeWhatFailsAsync(visit, customer.Id, other.Id);
        Volatile.Write(ref _status, 204);
        await RetryOneAsync(visit, customer.Id);
        await RetryTheRestAsync(visit, customer);
        await SeeNodesAsync(visit);
        await SeeTrailAsync(visit, customer.Id);
        await LeaveAsync(visit);
    }

    private static async Task SeeWhatFailsAsync(Visit visit, string organization, string other)
    {
        await Expect(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Overview");
        // As soon as the figures are there, without loading the page again.
        await Expect(visit.LinkTo("Ledger")).ToBeVisibleAsync();
        await visit.LinkTo("Failures", "Main").ClickAsync();
        await Expect(RowOf(visit, "Ledger")).ToContainTextAsync(organization);
        await visit.LinkTo("All deliveries", "Main").ClickAsync();
        await Expect(RowOf(visit, organization)).ToHaveCountAsync(3);
        await Expect(RowOf(visit, other)).ToHaveCountAsync(1);
        await visit.Page.GetByLabel("Status").SelectOptionAsync("exhausted");
        await Expect(visit.Page).ToHaveURLAsync(new Regex("status=exhausted"));
        await Expect(RowOf(visit, organization)).ToHaveCountAsync(3);
        await Expect(RowOf(visit, other)).ToHaveCountAsync(0);
    }

    private static async Task RetryOneAsync(Visit visit, string organization)
    {
        await RowOf(visit, organization).First.GetByRole(AriaRole.Link, new() { Name = "entry.posted", Exact = true }).ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex($"/dashboard/deliveries/dlv_[0-9a-f]+\\?organization={organization}$"));
        await Expect(visit.Page.Locator(".timeline > li")).ToContainTextAsync("500");
        await visit.Page.Locator("[data-call='POST'][data-url*='/retry']").ClickAsync();
        await Expect(visit.Page.Locator("#state .mark").First).ToHaveTextAsync("succeeded");
        await Expect(visit.Page.Locator(".timeline > li")).ToHaveCountAsync(2);
    }

    private static async Task RetryTheRestAsync(Visit visit, Customer customer)
    {
        await visit.LinkTo("Bulk actions", "Main").ClickAsync();
        await visit.Page.GetByLabel("Action").SelectOptionAsync("retry");
        await visit.Page.GetByLabel("Status").SelectOptionAsync("exhausted");
        var ask = visit.Page.Locator("#bulk button[type=submit]");
        var question = visit.Page.GetByRole(AriaRole.Dialog);

        // Asked, and not done until one says so.
        await ask.ClickAsync();
        await Expect(question).ToContainTextAsync("Retry 2 deliveries?");
        await question.GetByRole(AriaRole.Button, new() { Name = "Cancel" }).ClickAsync();
        Assert.Empty((await customer.Admin.CallAsync(200, "GET /deliveries/bulk")).Data());

        await ask.ClickAsync();
        await question.GetByRole(AriaRole.Button, new() { Name = "Retry" }).ClickAsync();
        var task = visit.Page.Locator("#tasks tbody").GetByRole(AriaRole.Row);
        await Expect(task).ToContainTextAsync("completed");
        await Expect(task).ToContainTextAsync("2 of 2");
        await Eventually.TrueAsync(
            async () => (await customer.Admin.CallAsync(200, "GET /deliveries?status=succeeded")).Data().Count == 3, "all three have arrived");

        // Nothing is left that matches.
        await ask.ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("No delivery matches");
    }

    private static async Task SeeNodesAsync(Visit visit)
    {
        await visit.LinkTo("Nodes", "Main").ClickAsync();
        var node = visit.Page.Locator("#nodes tbody").GetByRole(AriaRole.Row);
        await Expect(node).ToHaveCountAsync(1);
        await Expect(node).ToContainTextAsync("live");
        await Expect(node).ToContainTextAsync($"{Environment.ProcessId}");
    }

    private static async Task SeeTrailAsync(Visit visit, string organization)
    {
        await visit.OpenAsync($"/dashboard/audit?organization={organization}");
        foreach (var action in new[] { "delivery.retried", "bulk.started", "integration.created" })
            await Expect(visit.Page.GetByRole(AriaRole.Rowheader, new() { Name = action })).ToHaveCountAsync(1);
        await visit.LinkTo("Server audit", "Main").ClickAsync();
        await Expect(visit.Page.GetByRole(AriaRole.Rowheader, new() { Name = "operator.signed_in" }).First).ToBeVisibleAsync();
    }

    private static async Task LeaveAsync(Visit visit)
    {
        await visit.LinkTo("Failures", "Main").ClickAsync();
        await Expect(visit.LinkTo("Ledger")).ToBeVisibleAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await Expect(visit.Page.GetByLabel("Operator key")).ToBeVisibleAsync();

        await visit.Page.GoBackAsync();

        await Expect(visit.Page.GetByLabel("Operator key")).ToBeVisibleAsync();
        await Expect(visit.Page.GetByText("Ledger")).ToHaveCountAsync(0);
    }

    private static ILocator RowOf(Visit visit, string text) => visit.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = text });
}
