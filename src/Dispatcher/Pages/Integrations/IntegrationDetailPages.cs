// The pages of one integration: each of its parts has an address.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Pages.Components;
using Dispatcher.Platform;
using Dispatcher.Recoveries;
using Dispatcher.Statistics;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

internal static class IntegrationDetailPages
{
    private const int MostFailures = 5;

    public static void AddIntegrationPages(this IServiceCollection services) => services.AddScoped<IntegrationHeads>().AddScoped<TestPages>();

    /// <summary>Maps them.</summary>
    /// <param name="pages">A face's pages.</param>
    public static void MapIntegrationDetailPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/integrations/{id}", Overview);
        pages.MapGet("/integrations/{id}/test", Test);
        pages.MapGet("/integrations/{id}/secret", Secret);
        pages.MapGet("/integrations/{id}/verify", Verify);
        pages.MapGet("/integrations/{id}/recover", Recover);
    }

    private static async Task<PageResult<IntegrationPage, OverviewModel>> Overview(
        string id, string? range, Tenant tenant, IntegrationHeads heads, StatisticsReader statistics, DeliveryStore deliveries, DispatcherOptions options,
        TimeProvider time, CancellationToken ct)
    {
        var chosen = ChartRange.Of(range);
        var (integration, head) = await heads.RequireAsync(tenant, id, ct);
        var stats = await statistics.OfIntegrationAsync(tenant, integration.Id, StatisticsPeriod.Last(chosen.Span, chosen.Width, time.GetUtcNow()), ct);
        var isQuiet = stats.Attempts.Total == 0 && stats.Pending == 0;
        var isUnused = isQuiet && (await ListAsync(null, 1)).Count == 0;
        return new(new OverviewModel(
            head, chosen, new IntegrationFigures(stats), isUnused ? [] : await FailuresAsync(), isUnused, IntegrationFacts.Of(integration, options)));

        async Task<IReadOnlyList<DeliveryLine>> FailuresAsync() =>
            [.. (await ListAsync("failed", MostFailures)).Concat(await ListAsync("exhausted", MostFailures)).OrderByDescending(d => d.CreatedAt).Take(MostFailures)];

        async Task<List<DeliveryLine>> ListAsync(string? status, int most)
        {
            var query = new DeliveryQuery(integration.Id, null, null, status, null, null);
            var found = await deliveries.ListAsync(tenant, query, new PageQuery(most, null), ct);
            return found.Rows.ConvertAll(d => new DeliveryLine(
                d.Id, d.EventType, d.Status, d.AttemptCount, d.LastOutcome, d.LastStatusCode, d.CreatedAt, d.NextAttemptAt, d.FinishedAt));
        }
    }

    private static async Task<PageResult<TestPage, TestModel>> Test(
        string id, [Microsoft.AspNetCore.Mvc.FromQuery(Name = "event")] string? type, string? delivery, PageView view, Tenant tenant, IntegrationHeads heads,
        TestPages tests, CancellationToken ct)
    {
        var (integration, head) = await heads.RequireForChangeAsync(view, tenant, id, ct);
        return new(await tests.ModelAsync(head, integration, tenant, type, delivery, ct));
    }

    private static async Task<PageResult<SecretPage, SecretModel>> Secret(
        string id, PageView view, Tenant tenant, IntegrationHeads heads, DispatcherDb db, TimeProvider time, CancellationToken ct)
    {
        var (integration, head) = await heads.RequireForChangeAsync(view, tenant, id, ct);
        var now = time.GetUtcNow();
        // When they were made and when they end, without the secrets themselves: those are read one call at a time, and each is audited.
        var live = await db.IntegrationSecrets.AsNoTracking()
            .Where(s => s.OrganizationId == integration.OrganizationId && s.IntegrationId == integration.Id && (s.ExpiresAt == null || s.ExpiresAt > now))
            .OrderByDescending(s => s.Id).Select(s => new LiveSecret(s.CreatedAt, s.ExpiresAt)).ToListAsync(ct);
        return new(new SecretModel(head, live));
    }

    private static async Task<PageResult<VerifyPage, VerifyModel>> Verify(
        string id, string? language, Tenant tenant, IntegrationHeads heads, DispatcherOptions options, CancellationToken ct)
    {
        var (_, head) = await heads.RequireAsync(tenant, id, ct);
        return new(VerifyModel.Of(head, language, options.Signing.SvixHeaders));
    }

    private static async Task<PageResult<RecoverPage, RecoverModel>> Recover(
        string id, PageQuery page, Tenant tenant, IntegrationHeads heads, RecoveryStore recoveries, CancellationToken ct)
    {
        var (_, head) = await heads.RequireAsync(tenant, id, ct);
        var tasks = Page<TaskView>.Of(await recoveries.ListAsync(tenant, id, page, ct), page, t => t.Id[4..]);
        return new(new RecoverModel(
            head,
            [.. tasks.Data.Select(t => new TaskLine(t.Id, t.Kind, t.Since, t.Until, t.Count, t.Counting, t.Done, t.Status, t.Error, t.CreatedAt, t.FinishedAt))],
            tasks.NextCursor, page.After is null));
    }
}
