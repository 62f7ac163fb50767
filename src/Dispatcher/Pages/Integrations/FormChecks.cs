// What a form says of its fields while they are filled in: the API's own rules, asked without storing anything.

using Dispatcher.Access;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

internal static class FormChecks
{
    /// <summary>
    /// Maps the checks beside the API, so that <see cref="FaceApi"/> leads to them with all that it asks for. They belong to the pages
    /// and change with them: for a key they are not there.
    /// </summary>
    public static void MapFormChecks(this IEndpointRouteBuilder app)
    {
        var checks = app.MapGroup("/checks").WithMetadata(Admits.Writers, OfFace.Instance).ExcludeFromDescription();
        checks.AddEndpointFilter((context, next) => context.HttpContext.Features.Get<CookieCredential>() is null
            ? throw Problem.NotFound("There is nothing at this address.").AsException()
            : next(context));
        checks.MapPost("/integrations", CheckNew);
        checks.MapPatch("/integrations/{id}", CheckChange);
    }

    /// <summary>As <c>POST /integrations</c> would refuse it, or 204.</summary>
    private static NoContent CheckNew(Body<IntegrationRequest> body, Tenant tenant, DispatcherOptions options)
    {
        body.Check((r, faults) => IntegrationRules.CheckNew(r, options, faults));
        body.Value.RefuseMasks(null);
        tenant.ProjectFor(body.Value.Project);
        return TypedResults.NoContent();
    }

    /// <summary>As <c>PATCH /integrations/{id}</c> would refuse it, or 204.</summary>
    private static async Task<NoContent> CheckChange(
        string id, Patch<IntegrationRequest> patch, Tenant tenant, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        var integration = Ids.TryParse(Ids.Integration, id, out var key)
            ? await db.IntegrationsOf(tenant).AsNoTracking().SingleOrDefaultAsync(i => i.Id == key, ct)
            : null;
        if (integration is null) throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        var request = patch.Check(integration.Merge, (r, faults) => IntegrationRules.Check(r, options, faults, integration));
        IntegrationRules.CheckSame(request, integration);
        request.RefuseMasks(integration);
        tenant.ProjectFor(request.Project);
        return TypedResults.NoContent();
    }
}
