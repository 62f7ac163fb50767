// What axe, a checker of accessibility, says about a page.

using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

internal static class Accessibility
{
    // Frames are looked at one by one below: axe in a page asks axe in its frames, where it would be missing.
    private const string Findings =
        """
        async rules => (await axe.run(document, { resultTypes: ['violations'], iframes: false, ...(rules ? { runOnly: rules } : {}) })).violations
          .filter(v => v.impact === 'serious' || v.impact === 'critical')
          .map(v => [`${v.impact}: ${v.id}: ${v.help}`, ...v.nodes.map(n => `    ${n.target}: ${n.html}`)].join('\n'))
        """;

    private static readonly string Axe = new BundledAxeScriptProvider().GetScript();

    /// <summary>
    /// Asserts that axe has no serious and no critical finding on the page as it is now, and in its frames. Axe's own package for Playwright would
    /// open a page for each of its runs, which takes ten times as long as axe itself.
    /// </summary>
    /// <param name="page">The page.</param>
    /// <param name="name">What it is called in the failure.</param>
    /// <param name="rules">Which of axe's rules. Default: all.</param>
    public static async Task CheckAsync(IPage page, string name, string[]? rules = null)
    {
        var findings = new List<string>();
        foreach (var frame in page.Frames)
        {
            // Evaluated by the browser's debugger, which no content security policy stops.
            if (!await frame.EvaluateAsync<bool>("() => 'axe' in window")) await frame.EvaluateAsync(Axe);
            findings.AddRange(await frame.EvaluateAsync<string[]>(Findings, rules));
        }

        Assert.True(findings.Count == 0, $"axe on {name} ({page.Url}):\n{string.Join('\n', findings)}");
    }
}
