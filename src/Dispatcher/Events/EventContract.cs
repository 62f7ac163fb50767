// Events and event types as they stand on the wire.

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Platform;

namespace Dispatcher.Events;

/// <summary>An event to publish.</summary>
/// <param name="Type">Its type: dot-separated words of letters, digits, <c>_</c> and <c>-</c>, at most 128 characters. It need not be in the catalogue.</param>
/// <param name="Payload">A JSON object of at most 256 KiB (configurable), delivered byte for byte as it stands here.</param>
/// <param name="Id">The caller's dedupe id: a second event with it within the retention is the first one again, and nothing new is sent.</param>
/// <param name="Project">The project it belongs to. Default: <c>default</c>, or the key's own.</param>
/// <param name="Inbox">The inbox it belongs to. Default: none.</param>
/// <param name="OrderingKey">Integrations with <c>ordering: by_key</c> get the events of one key one at a time, in the order of acceptance. 1 to 256 characters. Default: none.</param>
/// <remarks>Read by <see cref="EventReader"/>, so that the payload's bytes are kept as they came.</remarks>
internal sealed record PublishRequest(
    [property: Required, StringLength(128, MinimumLength = 1), RegularExpression(EventNames.Pattern), Example(Examples.EventType)] string? Type,
    [property: Required, Example(Examples.Payload)] JsonElement? Payload,
    [property: RegularExpression(Identifiers.Pattern), Example("parse_XXX-completed")] string? Id = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Inbox)] string? Inbox = null,
    [property: StringLength(256, MinimumLength = 1), Example(Examples.Job)] string? OrderingKey = null);

/// <summary>An event that is durable.</summary>
/// <param name="Id">Its id, which receivers see as <c>webhook-id</c>.</param>
/// <param name="Deliveries">To how many integrations it goes.</param>
internal sealed record PublishAnswer([property: Example(Examples.Event)] string Id, [property: Example(2)] int Deliveries);

/// <summary>The answers to a batch.</summary>
/// <param name="Data">One for each item, in the batch's order.</param>
internal sealed record BatchAnswer(
    [property: Example(
        """
        [{"id":"evt_018aeb1c12007c3e8f1d2b3a4c5d6e7f","deliveries":2},
         {"error":{"title":"Invalid request","status":422,"detail":"type: is required.","errors":{"type":["is required."]}}}]
        """)]
    IReadOnlyList<BatchItem> Data);

/// <summary>Either the event that was stored, or why it was not.</summary>
/// <param name="Id">The event's id; absent where it was refused.</param>
/// <param name="Deliveries">To how many integrations it goes; absent where it was refused.</param>
/// <param name="Error">Why it was refused; absent where it was stored.</param>
internal sealed record BatchItem(
    [property: Example(Examples.Event)]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Id,
    [property: Example(2)]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    int? Deliveries,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Problem? Error);

/// <summary>An event in a list.</summary>
/// <param name="Id">Its id, which receivers see as <c>webhook-id</c>. It sorts by the time of acceptance.</param>
/// <param name="Type">Its type.</param>
/// <param name="Project">The project it was published for; null: <c>default</c>.</param>
/// <param name="Inbox">The inbox it was published for, if any.</param>
/// <param name="OrderingKey">Its ordering key, if any.</param>
/// <param name="DedupeId">The id that its caller gave it, if any.</param>
/// <param name="CreatedAt">When it was accepted.</param>
internal record EventView(
    [property: Example(Examples.Event)] string Id,
    [property: Example(Examples.EventType)] string Type,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.Inbox)] string? Inbox,
    [property: Example(Examples.Job)] string? OrderingKey,
    [property: Example("parse_XXX-completed")] string? DedupeId,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt);

/// <summary>An event with its payload and its deliveries.</summary>
/// <param name="Payload">What is delivered, byte for byte as it was published.</param>
/// <param name="Deliveries">One for each integration that it goes to.</param>
#pragma warning disable CS1573 // The other parameters are those of the base.
internal sealed record EventDetail(
    string Id, string Type, string? Project, string? Inbox, string? OrderingKey, string? DedupeId, DateTimeOffset CreatedAt,
    [property: JsonPropertyOrder(1), Example(Examples.Payload)] RawJson Payload,
    [property: JsonPropertyOrder(1)] IReadOnlyList<DeliveryView> Deliveries)
    : EventView(Id, Type, Project, Inbox, OrderingKey, DedupeId, CreatedAt);
#pragma warning restore CS1573

/// <summary>An event type to put into the catalogue.</summary>
/// <param name="Name">Its name: dot-separated words of letters, digits, <c>_</c> and <c>-</c>, at most 128 characters. POST must have it; in PUT the path says it.</param>
/// <param name="Description">When it happens, at most 2,000 characters. Default: none.</param>
/// <param name="Example">An example payload: what a test sends. Default: none, and a test sends an empty object.</param>
/// <param name="Deprecated">Whether nobody should subscribe to it any more. Default: false.</param>
internal sealed record EventTypeRequest(
    [property: StringLength(128, MinimumLength = 1), RegularExpression(EventNames.Pattern), Example("invoice.paid")] string? Name = null,
    [property: MaxLength(2000), Example("An invoice was paid in full.")] string? Description = null,
    [property: Example("""{"invoice":"in_1","amount":1200}""")] JsonElement? Example = null,
    [property: DefaultValue(false), Example(false)] bool? Deprecated = null);

/// <summary>An event type of the catalogue.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">When it happens.</param>
/// <param name="Example">An example payload: what a test sends.</param>
/// <param name="Deprecated">Whether nobody should subscribe to it any more.</param>
/// <param name="CreatedAt">When it was added.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record EventTypeView(
    [property: Example("invoice.paid")] string Name,
    [property: Example("An invoice was paid in full.")] string? Description,
    [property: Example("""{"invoice":"in_1","amount":1200}""")] JsonElement? Example,
    [property: Example(false)] bool Deprecated,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example(Examples.Time)] DateTimeOffset UpdatedAt);
