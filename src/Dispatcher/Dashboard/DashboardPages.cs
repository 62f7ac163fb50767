// The dashboard's addresses: what it alone shows, and the pages of one organization, which customers see too.

using Dispatcher.Pages;
using Dispatcher.Pages.Deliveries;
using Dispatcher.Pages.Events;
using Dispatcher.Pages.Integrations;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Authorization;

namespace Dispatcher.Dashboard;

internal static class DashboardPages
{
    public static void AddDashboard(this IServiceCollection services) => services.AddSingleton<DashboardFace>();

    public static void MapDashboard(this IEndpointRouteBuilder app)
    {
        var (open, pages) = app.MapFace(DashboardFace.Root);
        open.MapSignIn();
        // Who opens the server's address in a browser wants to see it.
        app.MapGet("/", (HttpContext context, DashboardFace face) => TypedResults.Redirect(face.RootOf(context.Request)))
            .WithMetadata(new AllowAnonymousAttribute(), OfFace.Instance).ExcludeFromDescription();
        pages.MapOverview();
        pages.MapFailures();
        pages.MapAllDeliveries();
        pages.MapNodes();
        pages.MapTenants();
        pages.MapAuditTrail();
        pages.MapBulkPages();
        pages.MapSettings();
        if (app.ServiceProvider.GetRequiredService<DispatcherOptions>().UsesHangfire()) pages.MapHangfireLink();
        pages.MapIntegrationPages();
        pages.MapDeliveryPages();
        pages.MapEventPages();
    }
}
