// The portal's addresses. A link is exchanged for a cookie; the pages behind it show what the session's scope holds.

using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Pages.Deliveries;
using Dispatcher.Pages.Events;
using Dispatcher.Pages.Integrations;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Portal;

internal static class PortalPages
{
    // An embedding page calls the API with a session's token, which it sends itself: no cookie is involved.
    public static void AddPortal(this IServiceCollection services, DispatcherOptions options) =>
        services.AddSingleton<PortalFace>().AddSingleton<Brand>().AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(options.Portal.AllowedOrigins).AllowAnyHeader().AllowAnyMethod().WithExposedHeaders("Location", "Retry-After")));

    public static void MapPortal(this IEndpointRouteBuilder app)
    {
        var (open, pages) = app.MapFace(PortalFace.Root);
        open.MapGet("/{token}", Enter);
        open.MapGet("/assets/brand.css", (Brand brand) => brand.Colors.ToResult());
        open.MapGet("/assets/logo", Logo);
        pages.MapIntegrationPages(isFirst: true);
        pages.MapDeliveryPages();
        pages.MapEventPages();
    }

    /// <summary>Exchanges the link's token for a cookie, so that the token leaves the address bar, the history and what is copied from them.</summary>
    private static async Task<IResult> Enter(string token, HttpContext context, PortalFace face, DispatcherOptions options)
    {
        // The address of a page that is not there is no token: nothing is looked up, and nothing counted.
        if (!PortalToken.HasForm(token) && !token.StartsWith(PortalToken.Prefix, StringComparison.Ordinal)) throw Problem.NotFound("There is no such page.").AsException();
        var found = await face.FindAsync(context, token);
        if (found is not { IsLive: true }) return PortalFace.NoticeOf(found).ToResult();
        PortalCookie.Set(context, token, found.ExpiresAt, face.RootOf(context.Request), options);
        return TypedResults.Redirect(face.RootOf(context.Request));
    }

    private static FileContentHttpResult Logo(Brand brand) =>
        brand.Logo?.ToResult() ?? throw Problem.NotFound("There is no logo.").AsException();
}
