// The dashboard's addresses.

using Dispatcher.Pages;
using Dispatcher.Pages.Integrations;

namespace Dispatcher.Dashboard;

internal static class DashboardPages
{
    public static void AddDashboard(this IServiceCollection services) => services.AddSingleton<DashboardFace>();

    public static void MapDashboard(this IEndpointRouteBuilder app)
    {
        var (open, pages) = app.MapFace(DashboardFace.Root);
        open.MapSignIn();
        pages.MapIntegrationPages();
    }
}
