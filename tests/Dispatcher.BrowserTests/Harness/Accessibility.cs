// What axe, a checker of accessibility, says about a page.

using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

internal static class Accessibility
{
    /// <summary>Asserts that axe has no serious and no critical finding on the page as it is now.</summary>
    public static async Task CheckAsync(IPage page, string name)
    {
        var result = await page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });
        // Not there in a result that axe could not get.
        Assert.NotNull(result.Violations);
        var findings = result.Violations.Where(v => v.Impact is "serious" or "critical").Select(Describe).ToList();
        Assert.True(findings.Count == 0, $"axe on {name} ({page.Url}):\n{string.Join('\n', findings)}");
    }

    private static string Describe(AxeResultItem finding) =>
        $"{finding.Impact}: {finding.Id}: {finding.Help}\n{string.Join('\n', finding.Nodes.Select(n => $"    {n.Target}: {n.Html}"))}";
}
