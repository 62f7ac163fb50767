// What stands above each of the parts of an integration's page, and how it is found.

using Dispatcher.Access;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

/// <summary>An integration as the head of a page.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">What people know it by.</param>
/// <param name="Target">Where its POSTs go.</param>
/// <param name="Enabled">Whether anything is sent to it.</param>
/// <param name="DisabledReason">Why the server disabled it; null when a person did, or when it is enabled.</param>
/// <param name="Signing">How its deliveries are signed: <c>hmac</c> or <c>ed25519</c>.</param>
/// <param name="BreakUntil">When the next delivery is tried, while the circuit breaker is open; null: it is closed.</param>
public sealed record IntegrationHead(
    string Id, string Title, string Target, bool Enabled, string? DisabledReason, string Signing, DateTimeOffset? BreakUntil)
{
    /// <summary>Whether its receivers have a public key instead of the secret.</summary>
    public bool HasPublicKey => Signing == "ed25519";
}

/// <summary>Finds the integration that a page is about.</summary>
internal sealed class IntegrationHeads(DispatcherDb db, DispatcherOptions options)
{
    /// <exception cref="ProblemException">404: there is none of this id for the tenant to see.</exception>
    public async Task<(Integration Integration, IntegrationHead Head)> RequireAsync(Tenant tenant, string id, CancellationToken ct)
    {
        var integration = Ids.TryParse(Ids.Integration, id, out var key)
            ? await db.IntegrationsOf(tenant).AsNoTracking().SingleOrDefaultAsync(i => i.Id == key, ct)
            : null;
        if (integration is null) throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        return (integration, new IntegrationHead(
            id, integration.Name ?? integration.Target, integration.Target, integration.Enabled, integration.DisabledReason, integration.Signing,
            integration.Enabled && options.Breaker.Enabled ? await db.BreakUntilAsync(integration, ct) : null));
    }

    /// <summary>The same for a page that a read-only visit has nothing to do on.</summary>
    /// <exception cref="ProblemException">403, and 404 as above.</exception>
    public Task<(Integration Integration, IntegrationHead Head)> RequireForChangeAsync(PageView view, Tenant tenant, string id, CancellationToken ct) =>
        view.CanChange ? RequireAsync(tenant, id, ct) : throw Problem.Forbidden("Your visit is read-only: this page is for who may change things.").AsException();
}
