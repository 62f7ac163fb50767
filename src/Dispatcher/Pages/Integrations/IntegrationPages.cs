// The pages of integrations: the same in the portal and in the dashboard.

using Dispatcher.Access;
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
        pages.MapIntegrationDetailPages();
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
}
