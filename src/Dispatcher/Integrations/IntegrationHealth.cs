// What the engine has noted of how integrations do, for lists of them.

using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Integrations;

/// <summary>How an integration does.</summary>
/// <param name="IntegrationId">The integration.</param>
/// <param name="FailingSince">Since when nothing but failures; null: its last attempt succeeded, or there was none.</param>
/// <param name="OpenUntil">While its circuit breaker is open: when the next delivery is tried, to see; null: it is closed.</param>
internal sealed record IntegrationHealth(Guid IntegrationId, DateTimeOffset? FailingSince, DateTimeOffset? OpenUntil);

internal static class IntegrationHealths
{
    /// <summary>The integrations that have failed since their last success, to be used within a query.</summary>
    public static IQueryable<Guid> FailingOf(this DispatcherDb db, string organization) => db.Database.SqlQuery<Guid>(
        $"""SELECT integration_id AS "Value" FROM dispatcher.integration_health WHERE organization_id = {organization}""");

    /// <summary>The integrations whose circuit breaker is open, to be used within a query.</summary>
    public static IQueryable<Guid> PausedOf(this DispatcherDb db, string organization) => db.Database.SqlQuery<Guid>(
        $"""SELECT integration_id AS "Value" FROM dispatcher.open_breaker WHERE organization_id = {organization}""");

    /// <summary>How several integrations do; those of which nothing is noted are left out. Served by the primary keys of both tables.</summary>
    public static async Task<Dictionary<Guid, IntegrationHealth>> HealthOfAsync(
        this DispatcherDb db, string organization, Guid[] integrations, CancellationToken ct)
    {
        var found = await db.Database.SqlQuery<IntegrationHealth>(
            $"""
            SELECT coalesce(h.integration_id, b.integration_id) AS "IntegrationId", h.failing_since AS "FailingSince", b.open_until AS "OpenUntil"
            FROM (SELECT * FROM dispatcher.integration_health WHERE organization_id = {organization} AND integration_id = ANY ({integrations})) h
            FULL JOIN (SELECT * FROM dispatcher.open_breaker WHERE organization_id = {organization} AND integration_id = ANY ({integrations})) b
                ON b.integration_id = h.integration_id
            """).ToListAsync(ct);
        return found.ToDictionary(h => h.IntegrationId);
    }
}
