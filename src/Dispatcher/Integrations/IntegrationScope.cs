// Which integrations a caller sees.

using Dispatcher.Access;
using Dispatcher.Storage;

namespace Dispatcher.Integrations;

internal static class IntegrationScope
{
    /// <summary>A key or session of a project sees those of that project; all others those of the organization. What was deleted is seen by nobody.</summary>
    public static IQueryable<Integration> IntegrationsOf(this DispatcherDb db, Tenant tenant) => db.Integrations
        .Where(i => i.OrganizationId == tenant.Organization && i.DeletedAt == null && (tenant.Project == null || i.Project == tenant.Project));
}
