// A browser, as far as the portal and the dashboard need one: keeps cookies, and follows a redirect only when it is told to.

using System.Net;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

internal sealed partial class Visitor : IDisposable
{
    private const string CsrfHeader = "x-csrf-token";

    private readonly HttpClient _client;

    /// <param name="server">The server, by a client of it.</param>
    /// <param name="publicUrl">Where the browser finds it, if not there: behind a proxy that takes this URL's path away.</param>
    public Visitor(HttpClient server, Uri? publicUrl = null)
    {
        HttpMessageHandler handler = publicUrl is null
            ? new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies }
            : new ProxyInFront(publicUrl, server.BaseAddress!, Cookies);
        _client = new HttpClient(handler) { BaseAddress = publicUrl ?? server.BaseAddress };
        Script = new HttpClient(handler, disposeHandler: false) { BaseAddress = _client.BaseAddress };
    }

    public CookieContainer Cookies { get; } = new();

    /// <summary>Calls as the scripts of the page do that was entered: with the cookies, and with the token that the page holds.</summary>
    public HttpClient Script { get; }

    public Task<HttpResponseMessage> GetAsync(string address) => _client.GetAsync(address, TestContext.Current.CancellationToken);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _client.SendAsync(request, TestContext.Current.CancellationToken);

    /// <summary>Sends a form as a page of the server's own does.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string address, params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value)));
        return await _client.PostAsync(address, form, TestContext.Current.CancellationToken);
    }

    /// <summary>Signs in to the dashboard, and opens the page that this leads to.</summary>
    /// <param name="key">The operator key.</param>
    /// <param name="root">What the browser finds the server's addresses under.</param>
    public async Task<string> SignInAsync(string key = TestServer.OperatorKey, string root = "")
    {
        using var answer = await SubmitAsync($"{root}/dashboard/sign-in", ("key", key), ("page", ""));
        Assert.True(answer.StatusCode == HttpStatusCode.Redirect, $"{(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
        return await ComeAsync(answer.Headers.Location!.OriginalString);
    }

    /// <summary>Opens a link, and the page that it leads to.</summary>
    public async Task<string> EnterAsync(string link)
    {
        using var answer = await GetAsync(link);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return await ComeAsync(answer.Headers.Location!.OriginalString);
    }

    private async Task<string> ComeAsync(string address)
    {
        var html = await PageAsync(address);
        Script.DefaultRequestHeaders.Remove(CsrfHeader);
        Script.DefaultRequestHeaders.Add(CsrfHeader, CsrfOf(html));
        return html;
    }

    /// <summary>What a page has its scripts and forms send along.</summary>
    public static string CsrfOf(string html) => Csrf().Match(html) is { Success: true } found ? found.Groups[1].Value : throw new InvalidOperationException("No session's page.");

    /// <summary>Gets a page that must be there; for another status, one that says what is the matter.</summary>
    public async Task<string> PageAsync(string address, int status = 200)
    {
        using var answer = await GetAsync(address);
        var html = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{address}: expected {status}, got {(int)answer.StatusCode}: {html}");
        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        AssertGuarded(answer);
        Assert.StartsWith("<!DOCTYPE html>", html, StringComparison.Ordinal);
        // No inline script or style: the policy would not let them work.
        Assert.DoesNotMatch("<script(?![^>]* src=\"[^\"]*/assets/[^\"]*\"></script>)|<style|=\"javascript:", html);
        Assert.DoesNotMatch("<[^>]* (style|on[a-z]+)=", Value().Replace(html, "=\"\""));
        return html;
    }

    public static void AssertGuarded(HttpResponseMessage answer)
    {
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("no-referrer", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
    }

    /// <summary>What a page links to and brings along.</summary>
    public static string[] References(string html) => [.. Reference().Matches(html).Select(m => WebUtility.HtmlDecode(m.Groups[1].Value))];

    /// <summary>A page's text, without its marks and with one space where there are many.</summary>
    public static string TextOf(string html) =>
        Space().Replace(WebUtility.HtmlDecode(Mark().Replace(html[html.IndexOf("<main", StringComparison.Ordinal)..], " ")), " ");

    public void Dispose()
    {
        Script.Dispose();
        _client.Dispose();
    }

    [GeneratedRegex("<meta name=\"csrf-token\" content=\"([0-9a-f]{64})\"")]
    private static partial Regex Csrf();

    [GeneratedRegex("(?:href|src)=\"([^\"#]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("=\"[^\"]*\"")]
    private static partial Regex Value();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Mark();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
