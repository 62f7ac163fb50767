// Markup that tries to run, and what it would leave behind.

using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

internal static class Hostile
{
    /// <summary>Leaves an attribute, an element and a script, and runs: where it is not encoded, a dialog opens or the policy is violated, which is watched.</summary>
    public const string Markup = "\"'><img src=x onerror=alert(1)><script>alert(2)</script><xss-mark>";

    // What no page of ours has.
    private const string Injected =
        """
        () => [...document.querySelectorAll(`xss-mark, img, script:not([src*="/assets/"]), iframe, object, embed, base, [onerror], [onload], a[href^="javascript:"]`)]
          .map(e => e.outerHTML.slice(0, 200))
        """;

    /// <summary>Asserts that nothing of the markup has become an element.</summary>
    public static async Task CheckAsync(IPage page)
    {
        var injected = await page.EvaluateAsync<string[]>(Injected);
        Assert.True(injected.Length == 0, $"{page.Url} has {string.Join('\n', injected)}");
    }
}
