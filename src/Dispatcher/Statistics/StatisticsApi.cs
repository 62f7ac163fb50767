// /integrations/{id}/stats and /stats for customers; for operators /stats is the whole server's, and /stats/integrations says who fails most.

using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Statistics;

internal static class StatisticsApi
{
    public static void MapStatistics(this IEndpointRouteBuilder app)
    {
        app.MapGet("/integrations/{id}/stats", OfIntegration).WithTags("Statistics").WithMetadata(Admits.Readers).Describe(StatisticsReference.OfIntegration);
        app.MapGet("/stats", OfScope).WithTags("Statistics").WithMetadata(Admits.Readers).Describe(StatisticsReference.OfScope);
        app.MapGet("/stats/integrations", Failing).WithTags("Statistics").WithMetadata(Admits.Operators).Describe(StatisticsReference.Failing);
    }

    private static async Task<Ok<IntegrationStats>> OfIntegration(
        string id, HttpContext context, Tenant tenant, StatisticsReader statistics, TimeProvider time, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.Integration, id, out var integration) || !await statistics.ExistsAsync(tenant, integration, ct))
            throw Problem.NotFound($"There is no integration \"{id}\".").AsException();
        return TypedResults.Ok(await statistics.OfIntegrationAsync(tenant, integration, PeriodOf(context, time), ct));
    }

    private static async Task<Ok<ServerStats>> OfScope(
        HttpContext context, Caller caller, Tenant tenant, StatisticsReader statistics, TimeProvider time, CancellationToken ct) =>
        TypedResults.Ok(await statistics.OfScopeAsync(OrganizationOf(context, caller, tenant), tenant.Project, PeriodOf(context, time), ct));

    private static async Task<Ok<FailingIntegrations>> Failing(
        HttpContext context, Caller caller, Tenant tenant, FailureRanking ranking, TimeProvider time, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var (since, until, limit) = (filter.Time("since"), filter.Time("until"), filter.Number("limit", 1, FailureRanking.MaxLimit) ?? FailureRanking.DefaultLimit);
        filter.ThrowIfFaulty();
        var period = StatisticsPeriod.Of(since, until, time.GetUtcNow()).ByHour();
        return TypedResults.Ok(await ranking.ReadAsync(OrganizationOf(context, caller, tenant), period, limit, ct));
    }

    /// <summary>Elsewhere an operator who names no organization means <c>default</c>; here, all (null).</summary>
    private static string? OrganizationOf(HttpContext context, Caller caller, Tenant tenant) =>
        caller.Organization is not null || context.Request.Query.ContainsKey("organization") ? tenant.Organization : null;

    private static StatisticsPeriod PeriodOf(HttpContext context, TimeProvider time)
    {
        var filter = new QueryFilter(context.Request.Query);
        var (since, until) = (filter.Time("since"), filter.Time("until"));
        filter.ThrowIfFaulty();
        return StatisticsPeriod.Of(since, until, time.GetUtcNow());
    }
}
