// The cookie that a link is exchanged for. It holds the same token: one credential, which ends in one place.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Portal;

internal static class PortalCookie
{
    public const string Name = "dispatcher_portal";

    /// <summary>The session's token. What else may be in the cookie, a key above all, is nothing.</summary>
    public static string? Read(HttpRequest request) => request.Cookies[Name] is var token && PortalToken.HasForm(token) ? token : null;

    /// <summary>
    /// Bound to the portal's path: elsewhere it opens nothing. Inside a frame of another site browsers send only what says SameSite=None,
    /// over https, and keep it apart for each such site where it says Partitioned.
    /// </summary>
    public static void Set(HttpContext context, string token, DateTimeOffset expiresAt, string path, DispatcherOptions options)
    {
        var secure = PublicAddress.IsHttps(context.Request, options);
        var framed = secure && options.Portal.AllowedOrigins.Length > 0;
        var cookie = new CookieOptions
        {
            Path = path,
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
