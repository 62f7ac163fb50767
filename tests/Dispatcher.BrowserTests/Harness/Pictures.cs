// Pictures of pages, to be looked at by people. No test compares them with others.

using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;
using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

internal static partial class Pictures
{
    /// <summary>artifacts/screenshots in the repository. Not kept by git.</summary>
    public static string Folder { get; } = Path.Combine(NodePackages.RepositoryRoot, "artifacts", "screenshots");

    /// <summary>Takes the whole page, scrolled or not; the test's output says where it is.</summary>
    public static async Task TakeAsync(IPage page, string name)
    {
        var path = Path.Combine(Folder, Unfit().Replace(name, "-") + ".png");
        await page.ScreenshotAsync(new() { Path = path, FullPage = true, Animations = ScreenshotAnimations.Disabled });
        TestContext.Current.TestOutputHelper?.WriteLine($"Picture: {path}");
    }

    [GeneratedRegex("[^A-Za-z0-9_.-]+")]
    private static partial Regex Unfit();
}
