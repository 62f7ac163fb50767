// The portal's addresses. A link is exchanged for a cookie; the pages behind it show what the session's scope holds.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Portal.Pages;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Portal;

/// <summary>Endpoint metadata: a page that is shown only to who has come by a link.</summary>
internal sealed record NeedsPortalSession;

internal static class PortalPages
{
    public const string Path = "/portal";

    // An embedding page calls the API with a session's token, which it sends itself: no cookie is involved.
    public static void AddPortal(this IServiceCollection services, DispatcherOptions options) =>
        services.AddSingleton<PortalEntrance>().AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(options.Portal.AllowedOrigins).AllowAnyHeader().AllowAnyMethod().WithExposedHeaders("Location", "Retry-After")));

    public static void UsePortal(this WebApplication app, DispatcherOptions options)
    {
        if (options.Portal.AllowedOrigins.Length > 0) app.UseCors();
        app.UseMiddleware<PortalMiddleware>();
    }

    public static void MapPortal(this IEndpointRouteBuilder app)
    {
        // None of the API's keys is asked for: PortalMiddleware lets in who has a session.
        var open = app.MapGroup(Path).WithMetadata(new AllowAnonymousAttribute()).ExcludeFromDescription();
        open.MapGet("/{token}", Enter);
        open.MapGet("/assets/{name}", Asset);

        var pages = open.MapGroup("").WithMetadata(new NeedsPortalSession());
        pages.MapGet("/", Integrations);
        pages.MapGet("/integrations/{id}", Deliveries);
    }

    /// <summary>Exchanges the link's token for a cookie, so that the token leaves the address bar, the history and what is copied from them.</summary>
    private static async Task<IResult> Enter(
        string token, HttpContext context, PortalEntrance entrance, DispatcherOptions options)
    {
        var found = await entrance.FindAsync(context, token);
        if (found is not { IsLive: true }) return Notice.OfSession(found).ToResult(context, options);
        PortalCookie.Set(context, token, found.ExpiresAt, options);
        return TypedResults.Redirect(PublicAddress.PathOf(context.Request, options) + Path);
    }

    private static FileContentHttpResult Asset(string name) =>
        PortalAsset.Find(name) is { } asset
            ? TypedResults.Bytes(asset.Content, asset.ContentType, entityTag: asset.Tag)
            : throw Problem.NotFound($"There is no file \"{name}\".").AsException();

    private static async Task<PageResult<IntegrationsPage>> Integrations(
        PageQuery page, PortalView view, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var after = page.AfterId;
        var rows = await db.IntegrationsOf(tenant).AsNoTracking()
            .Where(i => after == null || i.Id < after)
            .OrderByDescending(i => i.Id).Take(page.Limit + 1)
            .Select(i => new IntegrationLine(
                Ids.Format(Ids.Integration, i.Id), i.Name, i.Target, i.Events, i.Project, i.Inbox, i.Enabled, i.DisabledReason, i.CreatedAt))
            .ToListAsync(ct);
        var lines = Page<IntegrationLine>.Of(rows, page, i => i.Id[4..]);
        return new PageResult<IntegrationsPage>(new()
        {
            [nameof(IntegrationsPage.View)] = view,
            [nameof(IntegrationsPage.Lines)] = lines.Data,
            [nameof(IntegrationsPage.NextCursor)] = lines.NextCursor,
            [nameof(IntegrationsPage.IsFirst)] = page.After is null,
        });
    }

    private static async Task<PageResult<DeliveriesPage>> Deliveries(
        string id, PageQuery page, PortalView view, Tenant tenant, DispatcherDb db, DeliveryStore deliveries, CancellationToken ct)
    {
        var integration = Ids.TryParse(Ids.Integration, id, out var key)
            ? await db.IntegrationsOf(tenant).AsNoTracking().Where(i => i.Id == key)
                .Select(i => new IntegrationLine(id, i.Name, i.Target, i.Events, i.Project, i.Inbox, i.Enabled, i.DisabledReason, i.CreatedAt))
                .SingleOrDefaultAsync(ct)
            : null;
        if (integration is null) throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        var found = await deliveries.ListAsync(tenant, new DeliveryQuery(key, null, null, null, null, null), page, ct);
        var lines = Page<DeliveryView>.Of(found, page, d => d.Id[4..]);
        return new PageResult<DeliveriesPage>(new()
        {
            [nameof(DeliveriesPage.View)] = view,
            [nameof(DeliveriesPage.Integration)] = integration,
            [nameof(DeliveriesPage.Lines)] = lines.Data.Select(d => new DeliveryLine(
                d.Id, d.EventType, d.Status, d.AttemptCount, d.LastOutcome, d.LastStatusCode, d.CreatedAt, d.NextAttemptAt, d.FinishedAt)).ToList(),
            [nameof(DeliveriesPage.NextCursor)] = lines.NextCursor,
            [nameof(DeliveriesPage.IsFirst)] = page.After is null,
        });
    }
}
