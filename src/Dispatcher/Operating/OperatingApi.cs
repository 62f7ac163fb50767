// What operators look at: /nodes and /settings. What happened is in /stats, what was done in /audit.

using System.Globalization;
using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Operating;

internal static class OperatingApi
{
    public static void MapOperating(this IEndpointRouteBuilder app)
    {
        app.MapGet("/nodes", ListNodes).WithTags("Operating").WithMetadata(Admits.Operators).Describe(OperatingReference.ListNodes);
        app.MapGet("/settings", Settings).WithTags("Operating").WithMetadata(Admits.Operators).Describe(OperatingReference.Settings);
    }

    private static async Task<Ok<Page<NodeView>>> ListNodes(PageQuery page, NodeStore nodes, CancellationToken ct) =>
        TypedResults.Ok(Page<NodeView>.Of(await nodes.ListAsync(page, ct), page, n => n.Id.ToString(CultureInfo.InvariantCulture)));

    private static Ok<SettingsView> Settings(EffectiveSettings settings) => TypedResults.Ok(settings.Read());
}
