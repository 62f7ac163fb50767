// Deliveries of all organizations, newest first.

using System.Globalization;
using Dispatcher.Deliveries;
using Dispatcher.Pages;
using Dispatcher.Pages.Deliveries;
using Dispatcher.Platform;
using Dispatcher.Storage;

namespace Dispatcher.Dashboard;

/// <summary>A delivery, and whose it is.</summary>
public sealed record AnyDeliveryLine(
    string Organization, string Id, string EventType, IntegrationName Integration, string Status, int Attempts, DateTimeOffset CreatedAt);

/// <summary>Deliveries of all organizations.</summary>
/// <param name="Lines">This page's.</param>
/// <param name="Status">Only those that stand so.</param>
/// <param name="Type">Only those of events of this type.</param>
/// <param name="Since">Only those of events accepted at this time or later, as RFC 3339.</param>
/// <param name="Until">Only those of events accepted before this time, as RFC 3339.</param>
/// <param name="Statuses">What can be chosen.</param>
/// <param name="NextCursor">Where the search goes on; null: this is the last page.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record AllDeliveriesModel(
    IReadOnlyList<AnyDeliveryLine> Lines, string? Status, string? Type, string? Since, string? Until, IReadOnlyList<string> Statuses, string? NextCursor, bool IsFirst);

internal static class AllDeliveries
{
    public static void MapAllDeliveries(this RouteGroupBuilder pages) => pages.MapGet("/all-deliveries", Show);

    private static async Task<PageResult<AllDeliveriesPage, AllDeliveriesModel>> Show(
        PageQuery page, HttpContext context, ServerDeliveries deliveries, DispatcherDb db, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var query = DeliveryQuery.Read(filter);
        filter.ThrowIfFaulty();
        var found = Page<ServerDelivery>.Of(
            await deliveries.ListAsync(null, query with { Integration = null, Event = null }, page, ct), page, d => d.Id[4..]);
        var names = await IntegrationNames.OfAllAsync(db, found.Data.Select(d => (d.Organization, d.IntegrationId)), ct);
        return new(new AllDeliveriesModel(
            [.. found.Data.Select(d => new AnyDeliveryLine(
                d.Organization, d.Id, d.EventType, names[d.IntegrationId], d.Status, d.AttemptCount, d.CreatedAt))],
            query.Status, query.Type, TextOf(query.Since), TextOf(query.Until), DeliveryQuery.Statuses, found.NextCursor, page.After is null));
    }

    private static string? TextOf(DateTimeOffset? at) => at?.ToUniversalTime().ToString("O", CultureInfo.InvariantCulture);
}
