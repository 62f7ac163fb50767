// The pages of events: the same in the portal and in the dashboard.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Events;
using Dispatcher.Pages.Deliveries;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Pages.Events;

internal static class EventPages
{
    /// <summary>How many of its deliveries an event's page shows.</summary>
    private const int MaxDeliveries = 100;

    public static void MapEventPages(this RouteGroupBuilder pages)
    {
        pages.MapGet("/events", List);
        pages.MapGet("/events/{id}", Show);
        pages.MapGet("/events/{id}/payload", Download);
    }

    private static async Task<PageResult<EventsPage, EventsModel>> List(
        PageQuery page, HttpContext context, Tenant tenant, DispatcherDb db, EventStore events, DeliveryStore deliveries, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var query = EventQuery.Read(filter);
        var id = DeliveryPages.TextOf(context, "id")?.Trim();
        if (id is not null && !Identifiers.IsValid(id)) filter.Refuse("id", "must be the id of an event.");
        var (faults, status) = (filter.Errors, StatusCodes.Status200OK);
        var found = new Stretch<EventView>([], null);
        if (faults.Count > 0) status = StatusCodes.Status422UnprocessableEntity;
        else if (id is null) found = await events.ListAsync(tenant, query, page, ct);
        else if (await events.FindAsync(tenant, id, ct) is { } one && query.Matches(one)) found.Rows.Add(one);

        // Fewer than fit, and yet not all: the search stopped.
        DateTimeOffset? searchedTo = found.Resume is { } stop && found.Rows.Count <= page.Limit ? Ids.TimeOf(stop) : null;
        var rows = Page<EventView>.Of(found, page, e => e.Id[4..]);
        var counts = await deliveries.CountOfEventsAsync(tenant.Organization, [.. rows.Data.Select(e => e.Id)], ct);
        return new(
            new EventsModel(
                new EventFilter(
                    id, DeliveryPages.TextOf(context, "type"), DeliveryPages.TextOf(context, "project"), DeliveryPages.TextOf(context, "inbox"),
                    DeliveryPages.TextOf(context, "since"), DeliveryPages.TextOf(context, "until")),
                faults, [.. rows.Data.Select(e => RowOf(e, counts[e.Id]))], rows.NextCursor, searchedTo, page.After is null,
                page.Limit == PageQuery.DefaultLimit ? null : page.Limit, await DeliveryPages.TypesAsync(db, ct)),
            status);
    }

    private static async Task<PageResult<EventPage, EventModel>> Show(
        string id, Tenant tenant, DispatcherDb db, EventStore events, DeliveryStore deliveries, CancellationToken ct)
    {
        var found = await FindAsync(id, tenant, events, ct);
        Ids.TryParse(Ids.Event, found.Id, out var key);
        var page = new PageQuery(MaxDeliveries, null);
        var rows = Page<DeliveryView>.Of(await deliveries.ListAsync(tenant, new DeliveryQuery(null, key, null, null, null, null), page, ct), page, d => d.Id[4..]);
        var names = await IntegrationNames.OfAsync(db, tenant, rows.Data.Select(d => d.IntegrationId), ct);
        return new(new EventModel(
            RowOf(found, null), ShownBytes.Of(found.Payload.Utf8), [.. rows.Data.Select(d => DeliveryPages.RowOf(d, names))], rows.NextCursor is not null));
    }

    /// <summary>The payload's own bytes, as a file: what a signature is made of.</summary>
    private static async Task<FileContentHttpResult> Download(string id, Tenant tenant, EventStore events, CancellationToken ct)
    {
        var found = await FindAsync(id, tenant, events, ct);
        return TypedResults.File(found.Payload.Utf8, "application/json", $"{found.Id}.json");
    }

    private static async Task<EventDetail> FindAsync(string id, Tenant tenant, EventStore events, CancellationToken ct) =>
        await events.FindAsync(tenant, id, ct) ?? throw Problem.NotFound($"There is no event \"{id}\".").AsException();

    private static EventRow RowOf(EventView e, int? deliveries) => new(e.Id, e.Type, e.Project, e.Inbox, e.OrderingKey, e.DedupeId, e.CreatedAt, deliveries);
}
