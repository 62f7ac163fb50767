// What tests in the browser share.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>
/// A test whose visits are watched: it fails when one of them has had a fault (see <see cref="Watch"/>), even where it asserted nothing of the kind.
/// A failed test leaves a picture of each page behind.
/// </summary>
public abstract class BrowserTest(Chromium chromium, ApiServer api) : IAsyncLifetime
{
    private readonly List<Visit> _visits = [];
    private IBrowser? _browser;

    /// <summary>The server that all classes of a collection share.</summary>
    private protected ApiServer Api => api;

    private protected Uri Home => Api.Operator.BaseAddress!;

    public async ValueTask InitializeAsync() => _browser = await chromium.BrowserAsync();

    /// <summary>Begins a visit: another person, who has no cookies yet.</summary>
    /// <param name="change">Changes what the browser context is made with, such as its window.</param>
    /// <param name="home">Another server than the shared one.</param>
    private protected async Task<Visit> VisitAsync(Action<BrowserNewContextOptions>? change = null, Uri? home = null)
    {
        var visit = await Visit.BeginAsync(_browser!, home ?? Home, change);
        _visits.Add(visit);
        return visit;
    }

    /// <summary>Begins a visit to the portal by a new link, made by the holder of a key; the visitor is on the first page.</summary>
    /// <param name="maker">Who makes the link. A member's is read-only.</param>
    /// <param name="body">What is asked for, such as a project.</param>
    /// <param name="change">See <see cref="VisitAsync"/>.</param>
    private protected async Task<Visit> EnterPortalAsync(HttpClient maker, string? body = null, Action<BrowserNewContextOptions>? change = null)
    {
        var link = (await maker.CallAsync(200, "POST /webhook", body)).Text("link");
        var visit = await VisitAsync(change, maker.BaseAddress);
        await visit.OpenAsync(link);
        return visit;
    }

    /// <summary>Begins a visit to the dashboard and signs in; the visitor is on the first page, or on the one that was asked for.</summary>
    /// <param name="page">Below /dashboard, such as <c>deliveries?status=exhausted</c>.</param>
    /// <param name="change">See <see cref="VisitAsync"/>.</param>
    private protected async Task<Visit> SignInAsync(string page = "", Action<BrowserNewContextOptions>? change = null)
    {
        var visit = await VisitAsync(change);
        await visit.OpenAsync($"/dashboard/sign-in?page={Uri.EscapeDataString(page)}");
        await SignInAsync(visit);
        return visit;
    }

    /// <summary>Signs in where a visit has been asked to; it is then on the page that it was led away from.</summary>
    private protected static async Task SignInAsync(Visit visit)
    {
        await visit.Page.GetByLabel("Operator key").FillAsync(TestServer.OperatorKey);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Sign out" })).ToBeVisibleAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        var faults = new List<string>();
        foreach (var visit in _visits)
        {
            if (TestContext.Current.TestState?.Result == TestResult.Failed) await KeepAsync(visit);
            await visit.DisposeAsync();
            faults.AddRange(visit.Watch.Faults);
        }

        Assert.True(faults.Count == 0, $"Faults on the pages:\n{string.Join('\n', faults)}");
    }

    private static async Task KeepAsync(Visit visit)
    {
        var test = TestContext.Current.TestMethod?.MethodName;
        foreach (var (page, n) in visit.Context.Pages.Select((page, n) => (page, n)))
        {
            try
            {
                await Pictures.TakeAsync(page, $"failed-{test}-{n}");
            }
            catch (PlaywrightException e)
            {
                // A crashed page, for one. What the test failed with matters more.
                TestContext.Current.TestOutputHelper?.WriteLine($"No picture of {page.Url}: {e.Message}");
            }
        }
    }
}
