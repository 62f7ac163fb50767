// The watch over the pages, held against pages on which something is wrong.

using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>Every page of the tests would pass if the watch saw nothing; so what it must see is shown to it here.</summary>
public sealed class WatchTests(Chromium chromium) : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _open = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _open) await one.DisposeAsync();
    }

    [Theory]
    [InlineData("<script>console.error('worn out')</script>", "the console says: worn out")]
    [InlineData("<script>throw new Error('broken')</script>", "a script threw: Error: broken")]
    [InlineData("<script>setTimeout(() => alert('here'))</script>", "a dialog was opened: alert \"here\"")]
    [InlineData("<img src='http://elsewhere.example/i.png'>", "GET http://elsewhere.example/i.png goes to another server")]
    [InlineData("<img src='http://192.0.2.7/i.png'>", "GET http://192.0.2.7/i.png failed: net::ERR_NAME_NOT_RESOLVED")]
    [InlineData("<script>new WebSocket('ws://elsewhere.example/')</script>", "WebSocket ws://elsewhere.example/ goes to another server")]
    [InlineData("<script>fetch('/refused')</script>", "/refused was answered 418")]
    [InlineData("<script>fetch('/cut')</script>", "/cut failed: net::ERR_")]
    public async Task A_page_on_which_something_is_wrong_is_seen(string page, string fault)
    {
        var visit = await SeenAsync(page);

        await Eventually.TrueAsync(() => visit.Watch.Faults.Any(f => f.Contains(fault, StringComparison.Ordinal)), $"{fault}; there is {Said(visit)}");
    }

    [Theory]
    [InlineData("<script>document.title = 'ran'</script>", "script-src")]
    [InlineData("<body onload=\"document.title = 'ran'\">", "script-src")]
    [InlineData("<p style=\"color:red\">red</p>", "style-src")]
    [InlineData("<link rel=stylesheet href='http://elsewhere.example/a.css'>", "style-src")]
    [InlineData("<iframe src='/frame'></iframe>", "frame-src")]
    public async Task A_page_that_violates_its_policy_is_seen(string page, string directive)
    {
        var visit = await SeenAsync(page, "default-src 'none'; style-src 'self'");

        await Eventually.TrueAsync(
            () => visit.Watch.Faults.Any(f => f.Contains("Content Security Policy") && f.Contains(directive)),
            $"a violation of {directive}; there is {Said(visit)}");
        Assert.NotEqual("ran", await visit.Page.TitleAsync());
    }

    [Fact]
    public async Task What_is_expected_is_no_fault_but_has_to_come()
    {
        var visit = await SeenAsync("<script>console.error('worn out')</script>");
        visit.Watch.Expect("worn out");
        visit.Watch.Expect("worn in");

        await Eventually.TrueAsync(() => visit.Watch.Faults is ["expected, and has not come: worn in"], $"one fault; there is {Said(visit)}");
    }

    [Fact]
    public async Task Axe_finds_what_is_hard_to_read_and_what_has_no_name()
    {
        var visit = await SeenAsync("<p>fine</p>", "default-src 'none'");
        await Accessibility.CheckAsync(visit.Page, "a plain page");
        var bad = await SeenAsync("<p><font color='#dddddd'>pale</font></p><input>");

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => Accessibility.CheckAsync(bad.Page, "a bad page"));

        Assert.Contains("color-contrast", failure.Message, StringComparison.Ordinal);
        Assert.Contains("label", failure.Message, StringComparison.Ordinal);

        var framed = await SeenAsync("<iframe title='Inside' srcdoc='<html lang=en><title>Inside</title><input>'></iframe>");
        failure = await Assert.ThrowsAnyAsync<Exception>(() => Accessibility.CheckAsync(framed.Page, "a page with a bad frame"));
        Assert.Contains("label", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_that_is_too_wide_for_a_phone_is_seen_and_one_that_scrolls_inside_is_not()
    {
        const string Wide = "<pre style='width:900px'>wide</pre>";
        var visit = await SeenAsync(Wide);
        await Look.Phone.PutOnAsync(visit.Page);
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => Look.FitsAsync(visit.Page, "a wide page"));
        Assert.Contains("<pre", failure.Message, StringComparison.Ordinal);

        var inside = await SeenAsync($"<div style='overflow-x:auto'>{Wide}</div>");
        await Look.Phone.PutOnAsync(inside.Page);
        await Look.FitsAsync(inside.Page, "a page that scrolls inside");
    }

    // A server of its own for each page, which is open when this returns. Disposed of in the other order: first the visit.
    private async Task<Visit> SeenAsync(string page, string policy = "")
    {
        var server = await Receiver.StartAsync();
        _open.Insert(0, server);
        server.Answer = async (_, _, context) =>
        {
            if (context.Request.Path == "/cut")
            {
                context.Abort();
                return;
            }

            context.Response.StatusCode = context.Request.Path == "/refused" ? 418 : 200;
            context.Response.ContentType = "text/html";
            if (policy.Length > 0) context.Response.Headers.ContentSecurityPolicy = policy;
            await context.Response.WriteAsync($"<!DOCTYPE html><html lang=en><title>Page</title><main><h1>Page</h1>{page}</main>");
        };
        var visit = await Visit.BeginAsync(await chromium.BrowserAsync(), new Uri(server.Url, "/"));
        _open.Insert(0, visit);
        await visit.OpenAsync("/");
        return visit;
    }

    private static string Said(Visit visit) => string.Join("; ", visit.Watch.Faults);
}
