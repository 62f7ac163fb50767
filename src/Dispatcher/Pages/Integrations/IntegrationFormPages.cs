// The form that makes an integration, and the one that changes it. Both send what they hold to the API.

using Dispatcher.Access;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Signing;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

internal static class IntegrationFormPages
{
    /// <summary>More than anybody looks through. Others can be typed.</summary>
    private const int MostChoices = 1000;

    public static void MapIntegrationForms(this RouteGroupBuilder pages)
    {
        pages.MapGet("/integrations/new", ShowNew);
        pages.MapGet("/integrations/{id}/edit", ShowEdit);
    }

    private static Task<PageResult<IntegrationFormPage, IntegrationFormModel>> ShowNew(
        PageView view, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        RequireChange(view);
        return FormAsync(IntegrationSettings.OfNew(tenant.Project), tenant, db, options, ct);
    }

    private static async Task<PageResult<IntegrationFormPage, IntegrationFormModel>> ShowEdit(
        string id, PageView view, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        RequireChange(view);
        var integration = Ids.TryParse(Ids.Integration, id, out var key)
            ? await db.IntegrationsOf(tenant).AsNoTracking().SingleOrDefaultAsync(i => i.Id == key, ct)
            : null;
        if (integration is null) throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        return await FormAsync(IntegrationSettings.Of(integration), tenant, db, options, ct);
    }

    private static async Task<PageResult<IntegrationFormPage, IntegrationFormModel>> FormAsync(
        IntegrationSettings settings, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        var types = await db.EventTypes.AsNoTracking().OrderBy(t => t.Name).Take(MostChoices).ToListAsync(ct);
        // Who is bound to a project chooses none, and is told of no other.
        var projects = tenant.Project is not null ? [] : await db.Projects.AsNoTracking()
            .Where(p => p.OrganizationId == tenant.Organization).OrderBy(p => p.Id).Select(p => p.Id).Take(MostChoices).ToListAsync(ct);
        return new(new IntegrationFormModel(
            settings,
            EventGroup.Group(types.Select(EventChoice.Of)),
            projects,
            new IntegrationDefaults(options.Delivery.MaxConcurrency, options.Delivery.TimeoutSeconds, options.Retry.BaseSeconds, options.Retry.MaxAttempts),
            Ed25519Key.IsAvailable));
    }

    /// <exception cref="ProblemException">403: who looks may change nothing.</exception>
    private static void RequireChange(PageView view)
    {
        if (!view.CanChange) throw Problem.Forbidden("Your link lets you look, and change nothing.").AsException();
    }
}
