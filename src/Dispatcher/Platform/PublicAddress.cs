// Where customers reach this server: what links begin with.

namespace Dispatcher.Platform;

internal static class PublicAddress
{
    /// <summary>
    /// The server's root, without a slash at its end: the configured one, else the request's scheme and host. Never with the path base
    /// of the request: whichever of the API's two roots was called, links lead to one.
    /// </summary>
    public static string RootOf(HttpRequest request, DispatcherOptions options) =>
        options.PublicUrl is { } url ? new Uri(url).GetLeftPart(UriPartial.Path).TrimEnd('/') : $"{request.Scheme}://{request.Host}";

    /// <summary>The path of the root that this request came to, as the browser sees it: what a proxy in front has taken away is put back.</summary>
    public static string PathOf(HttpRequest request, DispatcherOptions options)
    {
        var before = options.PublicUrl is { } url ? new Uri(url).AbsolutePath.TrimEnd('/') : "";
        var own = request.PathBase.Value ?? "";
        return before.EndsWith(own, StringComparison.Ordinal) ? before : before + own;
    }

    public static bool IsHttps(HttpRequest request, DispatcherOptions options) =>
        request.IsHttps || options.PublicUrl?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) == true;
}
