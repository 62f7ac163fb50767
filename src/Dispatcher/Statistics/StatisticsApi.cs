// /integrations/{id}/stats for customers, /stats for operators.

using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Statistics;

internal static class StatisticsApi
{
    public static void MapStatistics(this IEndpointRouteBuilder app)
    {
        app.MapGet("/integrations/{id}/stats", OfIntegration).WithTags("Statistics").WithMetadata(Admits.Readers).Describe(StatisticsReference.OfIntegration);
        app.MapGet("/stats", OfServer).WithTags("Statistics").WithMetadata(Admits.Operators).Describe(StatisticsReference.OfServer);
    }

    private static async Task<Ok<IntegrationStats>> OfIntegration(
        string id, HttpContext context, Tenant tenant, StatisticsReader statistics, TimeProvider time, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.Integration, id, out var integration) || !await statistics.ExistsAsync(tenant, integration, ct))
            throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        return TypedResults.Ok(await statistics.OfIntegrationAsync(tenant, integration, PeriodOf(context, time), ct));
    }

    private static async Task<Ok<ServerStats>> OfServer(
        HttpContext context, Tenant tenant, StatisticsReader statistics, TimeProvider time, CancellationToken ct)
    {
        // Elsewhere an operator who names no organization means "default"; here, all.
        var organization = context.Request.Query.ContainsKey("organization") ? tenant.Organization : null;
        return TypedResults.Ok(await statistics.OfServerAsync(organization, PeriodOf(context, time), ct));
    }

    private static StatisticsPeriod PeriodOf(HttpContext context, TimeProvider time)
    {
        var filter = new QueryFilter(context.Request.Query);
        var (since, until) = (filter.Time("since"), filter.Time("until"));
        filter.ThrowIfFaulty();
        return StatisticsPeriod.Of(since, until, time.GetUtcNow());
    }
}
