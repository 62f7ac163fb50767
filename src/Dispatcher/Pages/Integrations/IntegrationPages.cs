// The pages of integrations: the same in the portal and in the dashboard.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

internal static class IntegrationPages
{
    /// <summary>Maps them.</summary>
    /// <param name="pages">A face's pages.</param>
    /// <param name="isFirst">Whether the list is the face's first page too.</param>
    public static void MapIntegrationPages(this RouteGroupBuilder pages, bool isFirst = false)
    {
        if (isFirst) pages.MapGet("/", List);
        pages.MapGet("/integrations", List);
        pages.MapGet("/integrations/{id}", Show);
    }

    private static async Task<PageResult<IntegrationsPage, IntegrationsModel>> List(PageQuery page, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var after = page.AfterId;
        var rows = await db.IntegrationsOf(tenant).AsNoTracking()
            .Where(i => after == null || i.Id < after)
            .OrderByDescending(i => i.Id).Take(page.Limit + 1)
            .Select(i => new IntegrationLine(
                Ids.Format(Ids.Integration, i.Id), i.Name, i.Target, i.Events, i.Project, i.Inbox, i.Enabled, i.DisabledReason, i.CreatedAt))
            .ToListAsync(ct);
        var lines = Page<IntegrationLine>.Of(rows, page, i => i.Id[4..]);
        return new(new IntegrationsModel(lines.Data, lines.NextCursor, page.After is null));
    }

    private static async Task<PageResult<IntegrationPage, IntegrationModel>> Show(
        string id, PageQuery page, Tenant tenant, DispatcherDb db, DeliveryStore deliveries, CancellationToken ct)
    {
        var integration = Ids.TryParse(Ids.Integration, id, out var key)
            ? await db.IntegrationsOf(tenant).AsNoTracking().Where(i => i.Id == key)
                .Select(i => new IntegrationLine(id, i.Name, i.Target, i.Events, i.Project, i.Inbox, i.Enabled, i.DisabledReason, i.CreatedAt))
                .SingleOrDefaultAsync(ct)
            : null;
        if (integration is null) throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        var found = await deliveries.ListAsync(tenant, new DeliveryQuery(key, null, null, null, null, null), page, ct);
        var lines = Page<DeliveryView>.Of(found, page, d => d.Id[4..]);
        return new(new IntegrationModel(
            integration,
            [.. lines.Data.Select(d => new DeliveryLine(
                d.Id, d.EventType, d.Status, d.AttemptCount, d.LastOutcome, d.LastStatusCode, d.CreatedAt, d.NextAttemptAt, d.FinishedAt))],
            lines.NextCursor, page.After is null));
    }
}
