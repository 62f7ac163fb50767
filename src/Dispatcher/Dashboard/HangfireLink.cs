// The way between the dashboard and that of the Hangfire host, which has its operators from here.

using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Dashboard;

internal static class HangfireLink
{
    /// <summary>Where the host's dashboard is, where there is one.</summary>
    public const string Path = "/hangfire";

    /// <summary>Leads there from below the dashboard: from the navigation, and, for who had to sign in first, to the page that was asked for.</summary>
    public static void MapHangfireLink(this RouteGroupBuilder pages) => pages.MapGet(Path + "/{**page}", Lead);

    /// <summary>Where one signs in who asks for a page of the host's dashboard, to be led back to it.</summary>
    public static string SignInFor(HttpRequest request, DispatcherOptions options) =>
        $"{PublicAddress.PathOf(request, options)}{DashboardFace.Root}{DashboardFace.SignIn}?page={Uri.EscapeDataString((request.Path + request.QueryString)[1..])}";

    private static RedirectHttpResult Lead(HttpRequest request, DispatcherOptions options)
    {
        request.Path.StartsWithSegments(DashboardFace.Root, StringComparison.OrdinalIgnoreCase, out var page);
        return TypedResults.Redirect(PublicAddress.PathOf(request, options) + page + request.QueryString);
    }
}
