// The pages of deliveries: the same in the portal and in the dashboard.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Events;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Deliveries;

internal static class DeliveryPages
{
    /// <summary>More integrations than this are not offered to choose from.</summary>
    private const int MaxChoices = 200;

    /// <summary>More names of event types than this are not offered.</summary>
    private const int MaxTypes = 300;

    public static void MapDeliveryPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/deliveries", List);
        pages.MapGet("/deliveries/{id}", Show);
    }

    private static async Task<PageResult<DeliveriesPage, DeliveriesModel>> List(
        PageQuery page, HttpContext context, Tenant tenant, DispatcherDb db, DeliveryStore deliveries, EventStore events, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var query = DeliveryQuery.Read(filter);
        var id = TextOf(context, "id")?.Trim();
        if (id is not null && !Identifiers.IsValid(id)) filter.Refuse("id", "must be the id of a delivery or of an event.");
        var (faults, status) = (filter.Errors, StatusCodes.Status200OK);
        var found = new Stretch<DeliveryView>([], null);
        if (faults.Count > 0) status = StatusCodes.Status422UnprocessableEntity;
        else found = await FindAsync(id, query, page, tenant, deliveries, events, ct);

        // Fewer than fit, and yet not all: the search stopped.
        DateTimeOffset? searchedTo = found.Resume is { } stop && found.Rows.Count <= page.Limit ? Ids.TimeOf(stop) : null;
        var rows = Page<DeliveryView>.Of(found, page, d => d.Id[4..]);
        var integration = TextOf(context, "integration");
        var names = await IntegrationNames.OfAsync(db, tenant, rows.Data.Select(d => d.IntegrationId).Concat(query.Integration is null ? [] : [integration!]), ct);
        var choices = await IntegrationNames.NewestAsync(db, tenant, MaxChoices, ct);
        return new(
            new DeliveriesModel(
                new DeliveryFilter(id, integration, TextOf(context, "type"), TextOf(context, "status"), TextOf(context, "since"), TextOf(context, "until")),
                faults, [.. rows.Data.Select(d => RowOf(d, names))], rows.NextCursor, searchedTo, page.After is null,
                page.Limit == PageQuery.DefaultLimit ? null : page.Limit, query.Integration is null ? null : names[integration!],
                [.. choices.Take(MaxChoices)], choices.Count > MaxChoices, await TypesAsync(db, ct)),
            status);
    }

    /// <summary>An id is that of one delivery, or that of an event: the server's, or the one that its publisher gave it.</summary>
    private static async Task<Stretch<DeliveryView>> FindAsync(
        string? id, DeliveryQuery query, PageQuery page, Tenant tenant, DeliveryStore deliveries, EventStore events, CancellationToken ct)
    {
        if (id is null) return await deliveries.ListAsync(tenant, query, page, ct);
        if (Ids.TryParse(Ids.Delivery, id, out var delivery))
            return new(await deliveries.FindAsync(tenant, delivery, ct) is { } one && query.Matches(one) ? [one] : [], null);
        var eventId = Ids.TryParse(Ids.Event, id, out var own) ? own
            : await events.FindAsync(tenant, id, ct) is { } found && Ids.TryParse(Ids.Event, found.Id, out var theirs) ? theirs
            : (Guid?)null;
        return eventId is null ? new([], null) : await deliveries.ListAsync(tenant, query with { Event = eventId }, page, ct);
    }

    private static async Task<PageResult<DeliveryPage, DeliveryModel>> Show(
        string id, Tenant tenant, DispatcherDb db, DeliveryStore deliveries, EventStore events, OutlookReader outlooks, CancellationToken ct)
    {
        var detail = Ids.TryParse(Ids.Delivery, id, out var key) ? await deliveries.FindDetailAsync(tenant, key, ct) : null;
        if (detail is null) throw Problem.NotFound($"There is no delivery \"{id}\".").AsException();
        var names = await IntegrationNames.OfAsync(db, tenant, [detail.IntegrationId], ct);
        var payload = (await events.FindAsync(tenant, detail.EventId, ct))?.Payload.Utf8;
        Ids.TryParse(Ids.Integration, detail.IntegrationId, out var integration);
        var outlook = await outlooks.ReadAsync(tenant.Organization, integration, key, ct);
        return new(DeliveryStory.Of(detail, RowOf(detail, names), payload, outlook));
    }

    public static DeliveryRow RowOf(DeliveryView d, IntegrationNames names) => new(
        d.Id, d.EventId, d.EventType, names[d.IntegrationId], d.Status, d.AttemptCount, d.LastOutcome, d.LastStatusCode, d.CreatedAt, d.NextAttemptAt, d.FinishedAt);

    /// <summary>Names to choose from: the catalogue's. Others can be typed.</summary>
    public static Task<List<string>> TypesAsync(DispatcherDb db, CancellationToken ct) =>
        db.EventTypes.AsNoTracking().OrderBy(t => t.Name).Take(MaxTypes).Select(t => t.Name).ToListAsync(ct);

    /// <summary>A member of the address; null where it is absent or empty.</summary>
    public static string? TextOf(HttpContext context, string name) => (string?)context.Request.Query[name] is { Length: > 0 } text ? text : null;
}
