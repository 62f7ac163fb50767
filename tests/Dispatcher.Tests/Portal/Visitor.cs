// A browser, as far as the portal needs one: keeps cookies, and follows a redirect only when it is told to.

using System.Net;
using System.Text.RegularExpressions;

namespace Dispatcher.Tests.Portal;

internal sealed partial class Visitor : IDisposable
{
    private readonly HttpClient _client;

    public Visitor(HttpClient server) => _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = Cookies })
    {
        BaseAddress = server.BaseAddress,
    };

    public CookieContainer Cookies { get; } = new();

    public Task<HttpResponseMessage> GetAsync(string address) => _client.GetAsync(address, TestContext.Current.CancellationToken);

    /// <summary>Opens a link, and the page that it leads to.</summary>
    public async Task<string> EnterAsync(string link)
    {
        using var answer = await GetAsync(link);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return await PageAsync(answer.Headers.Location!.OriginalString);
    }

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

    public void Dispose() => _client.Dispose();

    [GeneratedRegex("(?:href|src)=\"([^\"#]+)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("=\"[^\"]*\"")]
    private static partial Regex Value();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Mark();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
