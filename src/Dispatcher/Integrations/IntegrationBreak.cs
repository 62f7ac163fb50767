// Whether an integration's circuit breaker is open, for people. The engine has its own, quicker way to know.

using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Integrations;

internal static class IntegrationBreak
{
    /// <summary>When the next delivery is tried, on the database's clock; null where the breaker is closed. Served by the primary key.</summary>
    public static async Task<DateTimeOffset?> BreakUntilAsync(this DispatcherDb db, Integration integration, CancellationToken ct)
    {
        var found = await db.Database.SqlQuery<DateTimeOffset>(
            $"""
            SELECT open_until AS "Value" FROM dispatcher.open_breaker
            WHERE organization_id = {integration.OrganizationId} AND integration_id = {integration.Id}
            """).ToListAsync(ct);
        return found is [var until] ? until : null;
    }
}
