// The cookie of who has signed in to the dashboard.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Dashboard;

internal static class DashboardCookie
{
    public const string Name = OperatorToken.Cookie;

    /// <summary>The session's token. What else may be in the cookie, a key above all, is nothing.</summary>
    public static string? Read(HttpRequest request) => request.Cookies[Name] is var token && OperatorToken.HasForm(token) ? token : null;

    /// <summary>Never sent from inside another site's pages, except by following a link: operators come from alerts and chats.</summary>
    public static void Set(HttpContext context, string token, DateTimeOffset expiresAt, DispatcherOptions options) =>
        context.Response.Cookies.Append(Name, token, Options(context, options, expiresAt));

    public static void Remove(HttpContext context, DispatcherOptions options) => context.Response.Cookies.Delete(Name, Options(context, options, null));

    // For the whole server, because not all that operators look at stands below the dashboard. The API takes no cookies.
    private static CookieOptions Options(HttpContext context, DispatcherOptions options, DateTimeOffset? expiresAt) => new()
    {
        Path = PublicAddress.PathOf(context.Request, options) + "/",
        HttpOnly = true,
        Secure = PublicAddress.IsHttps(context.Request, options),
        SameSite = SameSiteMode.Lax,
        Expires = expiresAt,
    };
}
