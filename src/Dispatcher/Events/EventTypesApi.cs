// /event-types: the provider's catalogue, which its portal and the test endpoint use.

using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Events;

internal static class EventTypesApi
{
    public static void MapEventTypes(this IEndpointRouteBuilder app)
    {
        var read = app.MapGroup("/event-types").WithTags("Event types").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(EventsReference.ListTypes);
        read.MapGet("/{name}", Get).Describe(EventsReference.ReadType);

        var write = app.MapGroup("/event-types").WithTags("Event types").WithMetadata(Admits.Operators);
        write.MapPost("/", Create).Describe(EventsReference.CreateType);
        write.MapPut("/{name}", Replace).Describe(EventsReference.ReplaceType);
        write.MapDelete("/{name}", Delete).Describe(EventsReference.DeleteType);
    }

    private static async Task<Ok<Page<EventTypeView>>> List(PageQuery page, DispatcherDb db, CancellationToken ct)
    {
        // Those of one moment, such as those that the server brings, by name.
        var (at, after) = Naming.PlaceOf(page);
        var rows = await db.EventTypes.AsNoTracking()
            .Where(t => after == null || t.CreatedAt < at || (t.CreatedAt == at && string.Compare(t.Name, after) > 0))
            .OrderByDescending(t => t.CreatedAt).ThenBy(t => t.Name).Take(page.Limit + 1).ToListAsync(ct);
        return TypedResults.Ok(Page<EventTypeView>.Of(rows.ConvertAll(View), page, v => Naming.CursorOf(v.Name, v.CreatedAt)));
    }

    private static async Task<Ok<EventTypeView>> Get(string name, DispatcherDb db, CancellationToken ct) =>
        TypedResults.Ok(View(await FindAsync(name, db, ct)));

    private static async Task<Created<EventTypeView>> Create(
        Body<EventTypeRequest> body, DispatcherDb db, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        body.Check((r, faults) => Check(r, r.Name, faults));
        var request = body.Value;
        if (await db.EventTypes.AnyAsync(t => t.Name == request.Name, ct)) throw Problem.Conflict($"The event type \"{request.Name}\" exists.").AsException();
        var type = new EventType { Name = request.Name!, CreatedAt = time.GetUtcNow() };
        Apply(type, request, time);
        db.EventTypes.Add(type);
        db.Audit.Add(Entry(audit, AuditAction.EventTypeCreated, type));
        await db.SaveChangesAsync(ct);
        return TypedResults.Created($"/event-types/{type.Name}", View(type));
    }

    private static async Task<Ok<EventTypeView>> Replace(
        string name, Body<EventTypeRequest> body, DispatcherDb db, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        body.Check((r, faults) =>
        {
            faults.Require(r.Name is null || r.Name == name, "name", "must be the name in the path: a type cannot be renamed.");
            Check(r, name, faults);
        });
        var type = await FindAsync(name, db, ct);
        var before = View(type);
        Apply(type, body.Value, time);
        var changes = new Changes()
            .Note("description", before.Description, type.Description)
            .Note("deprecated", before.Deprecated, type.Deprecated)
            // An example is a payload, which is nobody's business here.
            .NoteName("example", before.Example?.GetRawText(), type.Example);
        db.Audit.Add(Entry(audit, AuditAction.EventTypeReplaced, type, changes));
        await db.SaveChangesAsync(ct);
        return TypedResults.Ok(View(type));
    }

    private static async Task<NoContent> Delete(string name, DispatcherDb db, AuditContext audit, CancellationToken ct)
    {
        var type = await FindAsync(name, db, ct);
        db.EventTypes.Remove(type);
        db.Audit.Add(Entry(audit, AuditAction.EventTypeDeleted, type));
        await db.SaveChangesAsync(ct);
        return TypedResults.NoContent();
    }

    /// <summary>The catalogue belongs to no organization.</summary>
    private static AuditEntry Entry(AuditContext audit, string action, EventType type, Changes? changes = null) =>
        audit.In(null).Entry(action, AuditTarget.EventType(type.Name), details: changes?.ToDetails());

    private static async Task<EventType> FindAsync(string name, DispatcherDb db, CancellationToken ct) =>
        (EventNames.IsType(name) ? await db.EventTypes.SingleOrDefaultAsync(t => t.Name == name, ct) : null)
        ?? throw Problem.NotFound($"There is no event type \"{name}\".").AsException();

    private static void Check(EventTypeRequest request, string? name, Faults faults)
    {
        faults.Require(name is not null, "name", $"is required; it {EventNames.Rule}.");
        faults.Require(name is null || EventNames.IsType(name), "name", EventNames.Rule + ".");
        faults.Require(request.Description is null or { Length: <= 2000 }, "description", "must have at most 2000 characters.");
        faults.Require(request.Example is null or { ValueKind: JsonValueKind.Object or JsonValueKind.Null }, "example", "must be a JSON object.");
    }

    private static void Apply(EventType type, EventTypeRequest request, TimeProvider time)
    {
        type.Description = request.Description;
        type.Example = request.Example is { ValueKind: JsonValueKind.Object } example ? example.GetRawText() : null;
        type.Deprecated = request.Deprecated ?? false;
        type.UpdatedAt = time.GetUtcNow();
    }

    private static EventTypeView View(EventType t) => new(
        t.Name, t.Description, t.Example is null ? null : JsonElement.Parse(t.Example), t.Deprecated, t.CreatedAt, t.UpdatedAt);
}
