// Somebody at a browser: cookies and a window of their own, in the browser that all tests share.

using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>
/// One browser context with one page. Where nothing else is said, a window of 1280 by 800, light, in a time zone that no whole hour separates from
/// UTC, so that times in the reader's zone cannot be taken for others.
/// </summary>
internal sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext _context;

    private Visit(IBrowserContext context, IPage page, Watch watch) => (_context, Page, Watch) = (context, page, watch);

    public IPage Page { get; }

    /// <summary>Whose faults fail the test when it ends.</summary>
    public Watch Watch { get; }

    /// <summary>Cookies, further pages, permissions.</summary>
    public IBrowserContext Context => _context;

    /// <param name="browser">The browser.</param>
    /// <param name="home">The server that is visited; addresses without a host are below it.</param>
    /// <param name="change">Changes what the context is made with.</param>
    public static async Task<Visit> BeginAsync(IBrowser browser, Uri home, Action<BrowserNewContextOptions>? change = null)
    {
        var options = new BrowserNewContextOptions
        {
            BaseURL = home.ToString(),
            ViewportSize = Look.Light.Window,
            ColorScheme = Look.Light.Scheme,
            // Nothing is caught half way by a picture.
            ReducedMotion = ReducedMotion.Reduce,
            Locale = "en-GB",
            TimezoneId = "Asia/Kolkata",
        };
        change?.Invoke(options);
        var context = await browser.NewContextAsync(options);
        context.SetDefaultTimeout((float)Chromium.Patience.TotalMilliseconds);
        var watch = new Watch(context, home);
        return new Visit(context, await context.NewPageAsync(), watch);
    }

    /// <summary>The link with this text and no other.</summary>
    /// <param name="text">All of it.</param>
    /// <param name="among">The links that it stands among, by their name. Default: all of the page.</param>
    public ILocator LinkTo(string text, string? among = null) =>
        (among is null ? Page.Locator("body") : Page.GetByRole(AriaRole.Navigation, new() { Name = among, Exact = true }))
        .GetByRole(AriaRole.Link, new() { Name = text, Exact = true });

    /// <summary>Opens an address, which must be answered with this status after all redirects; then it is no fault.</summary>
    public async Task OpenAsync(string address, int status = 200)
    {
        var answer = await Page.GotoAsync(address);
        Assert.True(status == answer?.Status, $"{address}: expected {status}, got {answer?.Status}");
        if (status >= 400) Watch.Expect($"{answer!.Url} was answered {status}");
    }

    /// <summary>
    /// Looks at the page as it is now, as three people would: light, dark, and on a phone. Each time axe must find nothing serious, and
    /// a picture is kept. On a phone the page must not be wider than the window.
    /// </summary>
    /// <param name="name">Of the pictures, such as <c>portal-integrations</c>.</param>
    public async Task LookAsync(string name)
    {
        foreach (var look in Look.All)
        {
            await look.PutOnAsync(Page);
            await Pictures.TakeAsync(Page, $"{name}-{look.Name}");
            await Accessibility.CheckAsync(Page, $"{name}, {look.Name}", look.Rules);
            if (look == Look.Phone) await Look.FitsAsync(Page, name);
        }

        await Look.Light.PutOnAsync(Page);
    }

    public ValueTask DisposeAsync() => _context.DisposeAsync();
}
