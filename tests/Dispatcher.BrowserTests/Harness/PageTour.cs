// A tour of many pages: what must hold on each of them, and where their links lead.

using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>Collects what is wrong, so that one bad page does not hide the others.</summary>
internal sealed class PageTour(Visit visit)
{
    // What a page leads to, by the addresses that the browser makes of it.
    private const string Addresses =
        """
        () => [...document.querySelectorAll('a[href], link[href], script[src], img[src]')].map(e => e.href || e.src)
          .concat([...document.querySelectorAll('form[action]:not([method=post])')].map(form => {
            const address = new URL(form.getAttribute('action'), location.href);
            for (const input of form.querySelectorAll('input[type=hidden]')) if (input.value) address.searchParams.set(input.name, input.value);
            return address.href;
          }))
          .filter(address => address.startsWith(location.origin))
        """;

    // Links to places on the same page that are not there.
    private const string LostPlaces =
        """
        () => [...document.querySelectorAll('a[href^="#"]')].map(e => e.getAttribute('href')).filter(place => !document.getElementById(place.slice(1)))
        """;

    private readonly List<string> _faults = [];
    private readonly Dictionary<string, string> _titles = [];
    private readonly Dictionary<string, string> _links = [];

    public IReadOnlyList<string> Faults => _faults;

    public int Links => _links.Count;

    /// <summary>Opens a page, and looks at it as <see cref="Visit.LookAsync"/> does.</summary>
    /// <param name="name">Of its pictures.</param>
    /// <param name="address">Of the page.</param>
    public async Task SeeAsync(string name, string address)
    {
        await visit.OpenAsync(address);
        await NoteAsync(name, async () => await visit.LookAsync(name));
        await NoteAsync(name, async () => Assert.Equal(1, await visit.Page.Locator("h1").CountAsync()));
        await NoteAsync(name, async () => Assert.Empty(await visit.Page.EvaluateAsync<string[]>(LostPlaces)));
        await NoteAsync(name, async () => Assert.Equal(1, await visit.Page.Locator("link[rel=icon]").CountAsync()));
        var title = await visit.Page.TitleAsync();
        if (!_titles.TryAdd(title, name)) _faults.Add($"{name} has the title \"{title}\", as {_titles[title]} has");
        foreach (var link in await visit.Page.EvaluateAsync<string[]>(Addresses)) _links.TryAdd(link.Split('#')[0], name);
    }

    /// <summary>Follows every link that was seen; each must be answered with 200.</summary>
    public async Task FollowLinksAsync()
    {
        foreach (var chunk in _links.Chunk(8)) await Task.WhenAll(chunk.Select(link => FollowAsync(link.Key, link.Value)));
    }

    private async Task FollowAsync(string address, string page)
    {
        await using var answer = await visit.Context.APIRequest.GetAsync(address);
        if (answer.Status != 200) lock (_faults) _faults.Add($"{page} leads to {address}, which was answered {answer.Status}");
    }

    private async Task NoteAsync(string name, Func<Task> look)
    {
        try
        {
            await look();
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException or PlaywrightException)
        {
            _faults.Add($"{name}: {e.Message}");
        }
    }
}
