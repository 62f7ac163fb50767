// Somebody who has signed in to the dashboard, has followed a link into the portal, and holds an operator's key.
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What one look at a page gave.</summary>
/// <param name="Elapsed">Until the last byte had come.</param>
/// <param name="Problem">What was wrong with it; null: nothing.</param>
internal sealed record Visit(TimeSpan Elapsed, string? Problem);

internal sealed class PageVisitor : IDisposable
{
    private readonly HttpClient _browser;
    private readonly string _key;

    private PageVisitor(HttpClient browser, string key) => (_browser, _key) = (browser, key);

    /// <summary>Signs in, and opens a link into an organization's portal.</summary>
    public static async Task<PageVisitor> EnterAsync(ServerProcess server, string organization, CancellationToken cancellationToken)
    {
        var browser = new HttpClient(new SocketsHttpHandler { CookieContainer = new CookieContainer(), AllowAutoRedirect = false })
        {
            BaseAddress = server.Api.BaseAddress,
            Timeout = TimeSpan.FromSeconds(30),
        };
        try
        {
            using var form = new FormUrlEncodedContent([new("key", server.OperatorKey)]);
            using var signedIn = await browser.PostAsync("/dashboard/sign-in", form, cancellationToken);
            if (signedIn.StatusCode is not HttpStatusCode.Redirect) throw new InvalidOperationException($"Signing in was answered with {(int)signedIn.StatusCode}.");
            using var made = await server.Api.PostAsJsonAsync($"/webhook?organization={organization}", new { expires_in_seconds = 86_400 }, cancellationToken);
            var link = (await made.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("link").GetString()!;
            using var entered = await browser.GetAsync(new Uri(link).PathAndQuery, cancellationToken);
            if (entered.StatusCode is not HttpStatusCode.Redirect) throw new InvalidOperationException($"The link was answered with {(int)entered.StatusCode}.");
            return new PageVisitor(browser, server.OperatorKey);
        }
        catch
        {
            browser.Dispose();
            throw;
        }
    }

    public async Task<Visit> VisitAsync(Page page, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, page.Address);
        if (page.Face == PageList.Api) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        var started = Stopwatch.GetTimestamp();
        using var answer = await _browser.SendAsync(request, cancellationToken);
        var elapsed = Stopwatch.GetElapsedTime(started);
        return new Visit(elapsed, answer.StatusCode is HttpStatusCode.OK ? null : $"{page.Address} was answered with {(int)answer.StatusCode}");
    }

    public void Dispose() => _browser.Dispose();
}
