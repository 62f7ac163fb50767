// What goes wrong on the pages of a visit without the test asking for it.

using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Dispatcher.BrowserTests.Harness;

/// <summary>
/// Listens to all pages of a browser context. A fault is: a request to another server than the one that is visited, an answer of 400 or
/// above, a request that failed, an error in the console (where violations of the content security policy appear, too), an exception that
/// no script caught, and a dialog of the browser's own, which no page of ours opens.
/// </summary>
internal sealed class Watch
{
    // Said of each answer of 400 or above, and of each request that failed. Those are faults of their own here, which say more.
    private const string FailedResource = "Failed to load resource";

    private readonly ConcurrentQueue<string> _faults = new();
    private readonly ConcurrentDictionary<string, bool> _servers = new();
    private readonly List<string> _expected = [];
    private readonly List<string> _ignored = [];

    public Watch(IBrowserContext context, Uri home)
    {
        Allow(home);
        context.Request += (_, request) => See(request.Method, request.Url);
        // No requests to Playwright.
        context.Page += (_, page) => page.WebSocket += (_, socket) => See("WebSocket", socket.Url);
        // A form asks beforehand what the API would refuse. While it is being filled in that is much, and when it asks is a matter of time.
        context.Response += (_, answer) => FaultIf(
            answer.Status >= 400 && !(answer.Status == 422 && answer.Url.Contains("/api/checks/", StringComparison.Ordinal)),
            $"{answer.Request.Method} {answer.Url} was answered {answer.Status}");
        // Aborted is what was under way when its page was left.
        context.RequestFailed += (_, request) =>
            FaultIf(request.Failure is not "net::ERR_ABORTED", $"{request.Method} {request.Url} failed: {request.Failure}");
        context.Console += (_, message) => FaultIf(
            message.Type is "error" && !message.Text.StartsWith(FailedResource, StringComparison.Ordinal), $"the console says: {message.Text}");
        context.WebError += (_, error) => FaultIf(true, $"a script threw: {error.Error}");
        context.Dialog += async (_, dialog) =>
        {
            FaultIf(true, $"a dialog was opened: {dialog.Type} \"{dialog.Message}\"");
            await dialog.DismissAsync();
        };
    }

    /// <summary>All faults so far that nobody expected, and what was expected and has not come.</summary>
    public IReadOnlyList<string> Faults
    {
        get
        {
            string[] faults = [.. _faults.Distinct()];
            return
            [
                .. faults.Where(fault => !_expected.Concat(_ignored).Any(fault.Contains)),
                .. _expected.Where(part => !faults.Any(fault => fault.Contains(part))).Select(part => $"expected, and has not come: {part}"),
            ];
        }
    }

    /// <summary>Has faults that contain this text pass. One at least must come.</summary>
    public void Expect(string part) => _expected.Add(part);

    /// <summary>Has faults that contain this text pass, whether any comes or not.</summary>
    public void Ignore(string part) => _ignored.Add(part);

    /// <summary>Has requests to this server pass, too.</summary>
    public void Allow(Uri server) => _servers[server.Authority] = true;

    private void See(string method, string url)
    {
        var address = new Uri(url);
        var leaves = address.Scheme is "http" or "https" or "ws" or "wss" && !_servers.ContainsKey(address.Authority);
        FaultIf(leaves, $"{method} {url} goes to another server");
    }

    private void FaultIf(bool wrong, string what)
    {
        if (wrong) _faults.Enqueue(what);
    }
}
