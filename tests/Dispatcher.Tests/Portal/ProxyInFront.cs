// A proxy under a URL of its own that takes this URL's path away, and the browser's cookies, which are by that URL.

using System.Net;

namespace Dispatcher.Tests.Portal;

internal sealed class ProxyInFront(Uri publicUrl, Uri server, CookieContainer cookies)
    : DelegatingHandler(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
{
    private readonly string _path = publicUrl.AbsolutePath.TrimEnd('/');

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var asked = request.RequestUri!;
        // What leads elsewhere reaches another server.
        Assert.StartsWith(publicUrl.GetLeftPart(UriPartial.Authority) + _path + "/", asked.AbsoluteUri + "/", StringComparison.Ordinal);
        if (cookies.GetCookieHeader(asked) is { Length: > 0 } header) request.Headers.Add("Cookie", header);
        request.RequestUri = new Uri(server, "/" + asked.PathAndQuery[_path.Length..].TrimStart('/'));
        var answer = await base.SendAsync(request, cancellationToken);
        if (answer.Headers.TryGetValues("Set-Cookie", out var set))
            foreach (var cookie in set) cookies.SetCookies(asked, cookie);
        return answer;
    }
}
