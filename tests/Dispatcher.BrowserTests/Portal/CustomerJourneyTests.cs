// What a customer comes to the portal for, from the link to the first event that arrives.

using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.BrowserTests.Harness;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Dispatcher.BrowserTests.Portal;

[Collection<PortalSite>]
public sealed partial class CustomerJourneyTests(Chromium chromium, ApiServer api) : BrowserTest(chromium, api)
{
    [Fact]
    public async Task From_the_link_over_an_endpoint_that_fails_to_a_delivery_that_arrives()
    {
        var customer = await Api.CustomerAsync();
        await using var broken = await Receiver.StartAsync();
        broken.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 500;
            return context.Response.WriteAsync("no table \"events\" here");
        };
        await using var mended = await Receiver.StartAsync();
        var visit = await EnterPortalAsync(customer.Admin);

        await AddEndpointAsync(visit, broken.Url);
        var delivery = await SendTestAsync(visit);
        await SeeTheCauseAsync(visit, delivery);
        await CorrectTargetAsync(visit, mended.Url);
        await RetryAsync(visit, delivery);

        var (failed, arrived) = (Assert.Single(broken.All), Assert.Single(mended.All));
        Assert.Equal(failed.Id, arrived.Id);
        Assert.Equal(failed.Body, arrived.Body);
        Assert.Equal(("ping", 2), (JsonElement.Parse(arrived.Text).Text("note"), arrived.Attempt));
        Assert.Equal("from the form", arrived.Headers["x-team"]);
    }

    private static async Task AddEndpointAsync(Visit visit, Uri target)
    {
        await visit.LinkTo("Add endpoint").ClickAsync();
        await visit.Page.GetByLabel("Target").FillAsync(target.ToString());
        await visit.Page.GetByLabel("Name optional").FillAsync("ERP");
        await visit.Page.GetByLabel("Search the catalogue").FillAsync("predict");
        await visit.Page.GetByRole(AriaRole.Checkbox, new() { NameRegex = new Regex("^document_predict") }).CheckAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add header" }).ClickAsync();
        await visit.Page.GetByLabel("Header", new() { Exact = true }).FillAsync("x-team");
        await visit.Page.GetByLabel("Value", new() { Exact = true }).FillAsync("from the form");
        await visit.Page.Locator("summary").Filter(new() { HasText = "Advanced" }).ClickAsync();
        await visit.Page.GetByLabel("Attempts in all").FillAsync("1");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Add endpoint" }).ClickAsync();

        var dialog = visit.Page.GetByRole(AriaRole.Dialog);
        await Expect(dialog.Locator("[data-secret]")).ToHaveTextAsync(new Regex("^whsec_[A-Za-z0-9+/=]{32}$"));
        await Accessibility.CheckAsync(visit.Page, "the new endpoint's secret");
        await dialog.GetByRole(AriaRole.Link, new() { Name = "Send a test event" }).ClickAsync();
    }

    /// <summary>Gives the address of the delivery's page, which is open then.</summary>
    private static async Task<string> SendTestAsync(Visit visit)
    {
        await Expect(visit.Page.GetByLabel("Event type")).ToHaveValueAsync("document_predict");
        await visit.Page.GetByLabel("Payload").FillAsync("""{"note": "ping"}""");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Send test event" }).ClickAsync();

        // It appears by itself, without another click.
        var result = visit.Page.GetByRole(AriaRole.Region, new() { Name = "The result" });
        await Expect(result.Locator(".mark")).ToHaveTextAsync("exhausted");
        await Expect(result.GetByRole(AriaRole.Article)).ToContainTextAsync("500");
        await result.GetByRole(AriaRole.Link, new() { Name = "Open this delivery" }).ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex("/portal/deliveries/dlv_[0-9a-f]{32}$"));
        return visit.Page.Url;
    }

    private static async Task SeeTheCauseAsync(Visit visit, string delivery)
    {
        await Expect(StatusOf(visit)).ToHaveTextAsync("exhausted");
        var attempt = Assert.Single(await visit.Page.Locator(".timeline > li").AllAsync());
        await Expect(attempt.Locator("summary")).ToContainTextAsync("The endpoint failed with 500.");
        await Expect(attempt.Locator(".advice")).ToContainTextAsync("log");
        await Expect(attempt.GetByRole(AriaRole.Region, new() { Name = "Response of attempt 1" })).ToContainTextAsync("no table \"events\" here");
        await Expect(attempt.GetByRole(AriaRole.Region, new() { Name = "Request of attempt 1" })).ToContainTextAsync("webhook-signature");
        await Expect(attempt).Not.ToContainTextAsync("from the form");
        Assert.Equal(delivery, visit.Page.Url);
    }

    private static async Task CorrectTargetAsync(Visit visit, Uri target)
    {
        await visit.LinkTo("ERP").ClickAsync();
        await visit.LinkTo("Edit").ClickAsync();
        await visit.Page.GetByLabel("Target").FillAsync(target.ToString());
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await Expect(visit.Page.Locator(".target")).ToHaveTextAsync(target.ToString());
    }

    private static async Task RetryAsync(Visit visit, string delivery)
    {
        await visit.LinkTo("Deliveries", "Parts of this integration").ClickAsync();
        await visit.LinkTo("document_predict").ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(delivery);
        await visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = RetryWords() }).ClickAsync();

        // The page keeps itself up to date.
        await Expect(StatusOf(visit)).ToHaveTextAsync("succeeded");
        await Expect(visit.Page.Locator(".timeline > li")).ToHaveCountAsync(2);
        await Expect(visit.Page.Locator(".timeline > li").First).ToContainTextAsync("204");
        await Expect(visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("Cancel delivery") })).ToHaveCountAsync(0);
    }

    private static ILocator StatusOf(Visit visit) => visit.Page.Locator("#state .mark").First;

    [GeneratedRegex("Retry|again|now", RegexOptions.IgnoreCase)]
    private static partial Regex RetryWords();
}
