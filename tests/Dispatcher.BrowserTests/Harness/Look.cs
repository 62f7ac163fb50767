// The ways in which a page is looked at.

using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

internal sealed record Look(string Name, ColorScheme Scheme, int Width, int Height)
{
    public static readonly Look Light = new("light", ColorScheme.Light, 1280, 800);
    public static readonly Look Dark = new("dark", ColorScheme.Dark, 1280, 800);
    public static readonly Look Phone = new("phone", ColorScheme.Light, 390, 844);

    public static readonly Look[] All = [Light, Dark, Phone];

    // What reaches over the right edge, but not what lies in something that scrolls by itself.
    private const string TooWide =
        """
        () => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const scrolls = e => e && e !== document.body && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
          const found = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
          return [`${document.documentElement.scrollWidth} wide in a window of ${width}`, ...found.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
        }
        """;

    /// <summary>The rules of axe that this look may break where <see cref="Light"/> does not; null: all. Another scheme has other colours, and nothing else.</summary>
    public string[]? Rules => this == Dark ? ["color-contrast"] : null;

    public ViewportSize Window => new() { Width = Width, Height = Height };

    public async Task PutOnAsync(IPage page)
    {
        await page.SetViewportSizeAsync(Width, Height);
        await page.EmulateMediaAsync(new() { ColorScheme = Scheme });
    }

    /// <summary>Asserts that the page is no wider than the window.</summary>
    public static async Task FitsAsync(IPage page, string name)
    {
        var found = await page.EvaluateAsync<string[]>(TooWide);
        Assert.True(found.Length == 0, $"{name} is wider than its window: {string.Join("\n  ", found)}");
    }
}
