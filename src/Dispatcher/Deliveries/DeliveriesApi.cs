// /deliveries: reading, retrying and cancelling. /server/deliveries: reading those of all organizations.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Deliveries;

internal static class DeliveriesApi
{
    public static void MapDeliveries(this IEndpointRouteBuilder app)
    {
        var read = app.MapGroup("/deliveries").WithTags("Deliveries").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(DeliveriesReference.List);
        read.MapGet("/{id}", Get).Describe(DeliveriesReference.Get);

        app.MapGet("/server/deliveries", ListAll).WithTags("Operating").WithMetadata(Admits.Operators).Describe(DeliveriesReference.ListAll);

        var write = app.MapGroup("/deliveries").WithTags("Deliveries").WithMetadata(Admits.Writers);
        write.MapPost("/{id}/retry", Retry).Describe(DeliveriesReference.Retry);
        write.MapPost("/{id}/cancel", Cancel).Describe(DeliveriesReference.Cancel);
    }

    private static async Task<Ok<Page<DeliveryView>>> List(PageQuery page, HttpContext context, Tenant tenant, DeliveryStore store, CancellationToken ct)
    {
        var rows = await store.ListAsync(tenant, QueryOf(context), page, ct);
        return TypedResults.Ok(Page<DeliveryView>.Of(rows, page, d => d.Id[4..]));
    }

    private static async Task<Ok<Page<ServerDelivery>>> ListAll(PageQuery page, HttpContext context, Tenant tenant, ServerDeliveries store, CancellationToken ct)
    {
        // Elsewhere an operator who names no organization means "default"; here, all.
        var organization = context.Request.Query.ContainsKey("organization") ? tenant.Organization : null;
        var rows = await store.ListAsync(organization, QueryOf(context), page, ct);
        return TypedResults.Ok(Page<ServerDelivery>.Of(rows, page, d => d.Id[4..]));
    }

    private static DeliveryQuery QueryOf(HttpContext context)
    {
        var filter = new QueryFilter(context.Request.Query);
        var query = DeliveryQuery.Read(filter);
        filter.ThrowIfFaulty();
        return query;
    }

    private static async Task<Ok<DeliveryDetail>> Get(string id, Tenant tenant, DeliveryStore store, CancellationToken ct) =>
        TypedResults.Ok(await store.FindDetailAsync(tenant, Parse(id), ct) ?? throw NotFound(id));

    private static async Task<Accepted<DeliveryView>> Retry(
        string id, NoMembers _, Tenant tenant, DeliveryActions actions, AuditContext audit, CancellationToken ct) =>
        TypedResults.Accepted($"/deliveries/{id}", await actions.RetryAsync(tenant, Parse(id), audit, ct));

    private static async Task<Ok<DeliveryView>> Cancel(
        string id, NoMembers _, Tenant tenant, DeliveryActions actions, AuditContext audit, CancellationToken ct) =>
        TypedResults.Ok(await actions.CancelAsync(tenant, Parse(id), audit, ct));

    private static Guid Parse(string id) => Ids.TryParse(Ids.Delivery, id, out var key) ? key : throw NotFound(id);

    private static ProblemException NotFound(string id) => Problem.NotFound($"There is no delivery \"{id}\".").AsException();
}
