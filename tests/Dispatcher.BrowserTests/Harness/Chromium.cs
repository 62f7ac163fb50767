// One Chromium for the whole test run. It is Debian's own: Playwright drives it and downloads none.

using Dispatcher.Storage.Embedded;
using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Dispatcher.BrowserTests.Harness.Chromium))]

namespace Dispatcher.BrowserTests.Harness;

/// <summary>Started by the first test that asks for it; tests are skipped where the machine has none.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private const string Missing =
        "There is no 'chromium' on the PATH of this machine. Install it with: apt-get install -y chromium";

    private static readonly string[] Arguments =
    [
        // The tests run as root, for whom Chromium's sandbox does not start; they show it only pages of their own.
        "--no-sandbox",
        // Chromium's own errands: updates, synchronisation, reports, first steps, questions about the network.
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--disable-breakpad",
        "--disable-default-apps", "--disable-client-side-phishing-detection", "--no-pings", "--no-first-run", "--no-default-browser-check",
        // Nothing leaves the machine, even where a page tries to: no name but the machine's own can be looked up, and no proxy does it instead.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1", "--no-proxy-server",
        // Containers often have a small /dev/shm, in which large pages crash.
        "--disable-dev-shm-usage",
    ];

    private readonly Lock _gate = new();
    private readonly string? _program = Tool.Find("chromium", $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin:/usr/local/bin");
    private Task<Started>? _started;

    public ValueTask InitializeAsync()
    {
        // Wait longer than Playwright's five seconds: what is asserted is what comes, not how soon on a busy machine.
        Assertions.SetDefaultExpectTimeout((float)Patience.TotalMilliseconds);
        return ValueTask.CompletedTask;
    }

    /// <summary>How long actions and assertions wait for what they need.</summary>
    internal static TimeSpan Patience { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Skips the test where there is no Chromium.</summary>
    internal async Task<IBrowser> BrowserAsync()
    {
        Assert.SkipWhen(_program is null, Missing);
        lock (_gate) _started ??= StartAsync(_program!);
        return (await _started).Browser;
    }

    public async ValueTask DisposeAsync()
    {
        if (_started is not { IsCompletedSuccessfully: true }) return;
        var (playwright, browser) = await _started;
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    private static async Task<Started> StartAsync(string program)
    {
        var playwright = await Playwright.CreateAsync();
        try
        {
            var options = new BrowserTypeLaunchOptions { ExecutablePath = program, Args = Arguments, ChromiumSandbox = false };
            return new Started(playwright, await playwright.Chromium.LaunchAsync(options));
        }
        catch
        {
            playwright.Dispose();
            throw;
        }
    }

    private sealed record Started(IPlaywright Playwright, IBrowser Browser);
}
