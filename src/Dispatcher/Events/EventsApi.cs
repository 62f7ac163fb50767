// /events: publishing and reading.

using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Events;

internal static class EventsApi
{
    public const int MaxBatchEvents = 1000;
    private const int MaxBatchBytes = ConnectionLimits.MaxBodyBytes;

    /// <summary>What an event's other members may add to its payload.</summary>
    private const int EnvelopeBytes = 64 * 1024;

    public static void MapEvents(this IEndpointRouteBuilder app)
    {
        var one = new BodyLimit(app.ServiceProvider.GetRequiredService<DispatcherOptions>().Intake.MaxPayloadBytes + EnvelopeBytes);
        var publish = app.MapGroup("/events").WithTags("Events").WithMetadata(Admits.Emitters);
        publish.MapPost("/", Publish).Describe(EventsReference.Publish)
            .Accepts<PublishRequest>(OpenApi.Json, OpenApi.AnyContentType).WithMetadata(one);
        publish.MapPost("/batch", PublishBatch).Describe(EventsReference.PublishBatch)
            .Accepts<PublishRequest[]>(OpenApi.Json, OpenApi.NdJson, OpenApi.AnyContentType).WithMetadata(new BodyLimit(MaxBatchBytes));

        var read = app.MapGroup("/events").WithTags("Events").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(EventsReference.List);
        read.MapGet("/{id}", Get).Describe(EventsReference.Get);
    }

    private static async Task<Results<Accepted<PublishAnswer>, Ok<PublishAnswer>>> Publish(
        HttpContext context, Tenant tenant, EventIntake intake, EventStore events, DeliveryStore deliveries, DispatcherOptions options, TimeProvider time,
        CancellationToken ct)
    {
        var newEvent = await ReadOneAsync(context, tenant, options, time);
        var accepted = (await intake.AcceptAsync([newEvent], ct))[0];
        var id = Ids.Format(Ids.Event, accepted.EventId);
        if (!accepted.Repeated) return TypedResults.Accepted($"/events/{id}", new PublishAnswer(id, accepted.Deliveries));
        if ((await events.VisibleAsync(tenant, [accepted.EventId], ct)).Count == 0) throw Taken().AsException();
        return TypedResults.Ok(new PublishAnswer(id, await deliveries.CountOfEventAsync(tenant.Organization, accepted.EventId, ct)));
    }

    private static async Task<Accepted<BatchAnswer>> PublishBatch(
        HttpContext context, Tenant tenant, EventIntake intake, EventStore events, DeliveryStore deliveries, DispatcherOptions options, TimeProvider time,
        CancellationToken ct)
    {
        var read = await ReadManyAsync(context, tenant, options, time);
        var good = read.Where(r => r.Event is not null).Select(r => r.Event!).ToList();
        var accepted = good.Count > 0 ? await intake.AcceptAsync(good, ct) : [];

        var known = await events.VisibleAsync(tenant, [.. accepted.Where(a => a.Repeated).Select(a => a.EventId)], ct);
        var items = new BatchItem[read.Count];
        for (int i = 0, next = 0; i < items.Length; i++)
        {
            if (read[i].Error is { } error)
            {
                items[i] = new BatchItem(null, null, error);
                continue;
            }

            var a = accepted[next++];
            if (a.Repeated && !known.Contains(a.EventId))
            {
                items[i] = new BatchItem(null, null, Taken());
                continue;
            }

            var count = a.Repeated ? await deliveries.CountOfEventAsync(tenant.Organization, a.EventId, ct) : a.Deliveries;
            items[i] = new BatchItem(Ids.Format(Ids.Event, a.EventId), count, null);
        }

        return TypedResults.Accepted((string?)null, new BatchAnswer(items));
    }

    private static async Task<Ok<Page<EventView>>> List(
        PageQuery page, HttpContext context, Tenant tenant, EventStore events, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var query = EventQuery.Read(filter);
        filter.ThrowIfFaulty();
        var rows = await events.ListAsync(tenant, query, page, ct);
        return TypedResults.Ok(Page<EventView>.Of(rows, page, e => e.Id[4..]));
    }

    private static async Task<Ok<EventDetail>> Get(string id, Tenant tenant, EventStore events, DeliveryStore deliveries, CancellationToken ct)
    {
        var found = await events.FindAsync(tenant, id, ct) ?? throw Problem.NotFound($"There is no event \"{id}\".").AsException();
        return TypedResults.Ok(found with { Deliveries = await deliveries.OfEventAsync(tenant, found.Id, ct) });
    }

    private static async Task<NewEvent> ReadOneAsync(HttpContext context, Tenant tenant, DispatcherOptions options, TimeProvider time)
    {
        var limit = options.Intake.MaxPayloadBytes;
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        try
        {
            var read = new EventReader(tenant, limit, time).Read(bytes.Span);
            return read.Event ?? throw read.Error!.AsException();
        }
        catch (JsonException)
        {
            throw NotJson(bytes.Span);
        }
    }

    private static async Task<List<ReadEvent>> ReadManyAsync(HttpContext context, Tenant tenant, DispatcherOptions options, TimeProvider time)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        var reader = new EventReader(tenant, options.Intake.MaxPayloadBytes, time);
        var lines = context.Request.ContentType?.StartsWith(OpenApi.NdJson, StringComparison.OrdinalIgnoreCase) == true;
        try
        {
            var events = lines ? reader.ReadLines(bytes.Span) : reader.ReadArray(bytes.Span);
            return events.Count is > 0 and <= MaxBatchEvents
                ? events
                : throw Problem.Invalid("body", $"must hold 1 to {MaxBatchEvents} events; it holds {events.Count}.").AsException();
        }
        catch (JsonException)
        {
            throw NotJson(bytes.Span);
        }
    }

    // Nothing of the event is said, not even which one it is: it is another project's than the key's.
    private static Problem Taken() => Problem.Conflict("id: an event of another project of the organization has it.");

    private static ProblemException NotJson(ReadOnlySpan<byte> json) =>
        (RequestBody.FindMalformation(json, int.MaxValue) ?? Problem.Malformed("The body is not JSON.")).AsException();
}
