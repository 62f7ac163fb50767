// The names of integrations, for pages that show something else of them.

using Dispatcher.Access;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Deliveries;

internal sealed class IntegrationNames
{
    private readonly Dictionary<string, IntegrationName> _byId;

    private IntegrationNames(IEnumerable<IntegrationName> names) => _byId = names.ToDictionary(n => n.Id, StringComparer.Ordinal);

    public IntegrationName this[string id] => _byId.TryGetValue(id, out var name) ? name : new IntegrationName(id, id, HasPage: false);

    /// <summary>The names of those that the visitor may see; deleted ones too, because deliveries outlive them.</summary>
    public static async Task<IntegrationNames> OfAsync(DispatcherDb db, Tenant tenant, IEnumerable<string> ids, CancellationToken ct)
    {
        var keys = ids.Distinct().Select(id => Ids.TryParse(Ids.Integration, id, out var key) ? key : default).ToArray();
        if (keys.Length == 0) return new([]);
        return new(await NamesOf(db.Integrations.Where(i =>
            i.OrganizationId == tenant.Organization && (tenant.Project == null || i.Project == tenant.Project) && keys.Contains(i.Id))).ToListAsync(ct));
    }

    /// <summary>The names of those of several organizations, for operators.</summary>
    public static async Task<IntegrationNames> OfAllAsync(DispatcherDb db, IEnumerable<(string Organization, string Id)> integrations, CancellationToken ct)
    {
        var all = integrations.Distinct().ToList();
        // By both parts of the key, so that an index leads to each.
        var (organizations, keys) = (all.Select(i => i.Organization).Distinct().ToArray(), all.Select(i => Ids.TryParse(Ids.Integration, i.Id, out var key) ? key : default).ToArray());
        if (keys.Length == 0) return new([]);
        return new(await NamesOf(db.Integrations.Where(i => organizations.Contains(i.OrganizationId) && keys.Contains(i.Id))).ToListAsync(ct));
    }

    /// <summary>The newest integrations, to choose from: one more than asked for, where there is one.</summary>
    public static Task<List<IntegrationName>> NewestAsync(DispatcherDb db, Tenant tenant, int most, CancellationToken ct) =>
        NamesOf(db.IntegrationsOf(tenant).OrderByDescending(i => i.Id).Take(most + 1)).ToListAsync(ct);

    private static IQueryable<IntegrationName> NamesOf(IQueryable<Integration> integrations) => integrations.AsNoTracking().Select(i =>
        new IntegrationName(Ids.Format(Ids.Integration, i.Id), i.Name ?? i.Target, i.DeletedAt == null, i.DeletedAt != null));
}
