// Events and event types as they stand on the wire.

using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatcher.Deliveries;
using Dispatcher.Platform;

namespace Dispatcher.Events;

/// <summary>An event to publish. Read by <see cref="EventReader"/>, so that the payload's bytes are kept as they came.</summary>
/// <param name="Type">Its type. Required.</param>
/// <param name="Payload">A JSON object of at most 256 KiB (configurable), delivered byte for byte. Required.</param>
/// <param name="Id">The caller's dedupe id, 1 to 128 characters: a second event with it within the retention is the first one again.</param>
/// <param name="Project">The project it belongs to. Default: <c>default</c>.</param>
/// <param name="Inbox">The inbox it belongs to.</param>
/// <param name="OrderingKey">Integrations with <c>ordering: by_key</c> get the events of one key one at a time, in order. 1 to 256 characters.</param>
internal sealed record PublishRequest(string? Type, JsonElement? Payload, string? Id, string? Project, string? Inbox, string? OrderingKey);

/// <summary>An event that is durable.</summary>
/// <param name="Id">Its id, which receivers see as <c>webhook-id</c>.</param>
/// <param name="Deliveries">To how many integrations it goes.</param>
internal sealed record PublishAnswer(string Id, int Deliveries);

/// <summary>The answers to a batch, in its order.</summary>
internal sealed record BatchAnswer(IReadOnlyList<BatchItem> Data);

/// <summary>Either the event that was stored, or why it was not.</summary>
internal sealed record BatchItem(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Deliveries,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Problem? Error);

/// <summary>An event in a list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type.</param>
/// <param name="Project">Its project.</param>
/// <param name="Inbox">Its inbox.</param>
/// <param name="OrderingKey">Its ordering key.</param>
/// <param name="DedupeId">The id that its caller gave it.</param>
/// <param name="CreatedAt">When it was accepted.</param>
internal record EventView(
    string Id, string Type, string? Project, string? Inbox, string? OrderingKey, string? DedupeId, DateTimeOffset CreatedAt);

/// <summary>An event with its payload and its deliveries.</summary>
internal sealed record EventDetail(
    string Id, string Type, string? Project, string? Inbox, string? OrderingKey, string? DedupeId, DateTimeOffset CreatedAt,
    [property: JsonPropertyOrder(1)] RawJson Payload,
    [property: JsonPropertyOrder(1)] IReadOnlyList<DeliveryView> Deliveries)
    : EventView(Id, Type, Project, Inbox, OrderingKey, DedupeId, CreatedAt);

/// <summary>An event type to put into the catalogue.</summary>
/// <param name="Name">Its name. Required in POST; in PUT the path says it.</param>
/// <param name="Description">When it happens, at most 2,000 characters.</param>
/// <param name="Example">An example payload, a JSON object: what a test sends.</param>
/// <param name="Deprecated">Default false.</param>
internal sealed record EventTypeRequest(string? Name, string? Description, JsonElement? Example, bool? Deprecated);

/// <summary>An event type of the catalogue.</summary>
internal sealed record EventTypeView(string Name, string? Description, JsonElement? Example, bool Deprecated, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
