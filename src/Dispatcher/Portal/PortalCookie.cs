// The cookie that a link is exchanged for. It holds the same token: one credential, which ends in one place.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Portal;

internal static class PortalCookie
{
    public const string Name = "dispatcher_portal";

    public static string? Read(HttpContext context) => context.Request.Cookies[Name] is { Length: > 0 } token ? token : null;

    /// <summary>
    /// Bound to the portal's path, so that the API, which takes no cookies, never sees it either. Inside a frame of another site
    /// browsers send only what says SameSite=None, over https, and keep it apart for each such site where it says Partitioned.
    /// </summary>
    public static void Set(HttpContext context, string token, DateTimeOffset expiresAt, DispatcherOptions options)
    {
        var secure = PublicAddress.IsHttps(context.Request, options);
        var framed = secure && options.Portal.AllowedOrigins.Length > 0;
        var cookie = new CookieOptions
        {
            Path = PublicAddress.PathOf(context.Request, options) + PortalPages.Path,
            HttpOnly = true,
            Secure = secure,
            // Not Strict: who comes by a link comes from another site.
            SameSite = framed ? SameSiteMode.None : SameSiteMode.Lax,
            Expires = expiresAt,
        };
        if (framed) cookie.Extensions.Add("Partitioned");
        context.Response.Cookies.Append(Name, token, cookie);
    }
}
