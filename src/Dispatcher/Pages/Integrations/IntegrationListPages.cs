// The list of integrations: searched and filtered by its address, with how each did in the last hours.

using Dispatcher.Access;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

internal static class IntegrationListPages
{
    private const int MaxSearchLength = 200;

    /// <summary>Maps it.</summary>
    /// <param name="pages">A face's pages.</param>
    /// <param name="isFirst">Whether the list is the face's first page too.</param>
    public static void MapIntegrationList(this RouteGroupBuilder pages, bool isFirst)
    {
        if (isFirst) pages.MapGet("/", List);
        pages.MapGet("/integrations", List);
    }

    private static async Task<PageResult<IntegrationsPage, IntegrationsModel>> List(
        HttpContext context, PageQuery page, Tenant tenant, DispatcherDb db, RecentHours hours, DispatcherOptions options, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var search = filter.Text("q", text => text.Length <= MaxSearchLength && !text.Contains('\0', StringComparison.Ordinal), $"must have at most {MaxSearchLength} characters");
        var status = filter.Text("status", IntegrationsModel.Statuses.ContainsKey, $"must be one of {string.Join(", ", IntegrationsModel.Statuses.Keys)}");
        filter.ThrowIfFaulty();

        var after = page.AfterId;
        var rows = await Filtered(db, tenant, search?.Trim(), status)
            .Where(i => after == null || i.Id < after)
            .OrderByDescending(i => i.Id).Take(page.Limit + 1)
            .Select(i => new
            {
                i.Id,
                Line = new IntegrationLine(
                Ids.Format(Ids.Integration, i.Id), i.Name, i.Target, i.Events, i.Project, i.Inbox, i.Enabled, i.DisabledReason, i.CreatedAt)
            })
            .ToListAsync(ct);
        var shown = Page<Guid>.Of(rows.ConvertAll(r => r.Id), page, id => id.ToString("N"));
        var health = await db.HealthOfAsync(tenant.Organization, [.. shown.Data], ct);
        var attempts = await hours.OfAsync(tenant.Organization, [.. shown.Data], ct);
        return new(new IntegrationsModel(
            [.. rows.Take(shown.Data.Count).Select(r => RowOf(r.Line, health.GetValueOrDefault(r.Id), attempts.GetValueOrDefault(r.Id), options.Breaker.Enabled))],
            shown.NextCursor, page.After is null, search, status));
    }

    /// <summary>Looked through in the order of the primary key, until the page is full: there are as many integrations as people made.</summary>
    private static IQueryable<Integration> Filtered(DispatcherDb db, Tenant tenant, string? search, string? status)
    {
        var found = db.IntegrationsOf(tenant).AsNoTracking();
        if (!string.IsNullOrEmpty(search))
        {
            // What stands for any text in a pattern stands for itself here.
            var pattern = $"%{search.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("%", @"\%", StringComparison.Ordinal).Replace("_", @"\_", StringComparison.Ordinal)}%";
            found = found.Where(i => EF.Functions.ILike(i.Target, pattern) || (i.Name != null && EF.Functions.ILike(i.Name, pattern)));
        }

        return status switch
        {
            null => found,
            "enabled" => found.Where(i => i.Enabled),
            "disabled" => found.Where(i => !i.Enabled),
            "failing" => found.Where(i => i.Enabled && db.FailingOf(tenant.Organization).Contains(i.Id)),
            _ => found.Where(i => i.Enabled && db.PausedOf(tenant.Organization).Contains(i.Id)),
        };
    }

    private static IntegrationRow RowOf(IntegrationLine line, IntegrationHealth? health, HourlyAttempts? attempts, bool hasBreakers) => new(
        line,
        line.Enabled ? health?.FailingSince : null,
        line.Enabled && hasBreakers ? health?.OpenUntil : null,
        attempts?.Succeeded ?? [],
        attempts?.Failed ?? []);
}
