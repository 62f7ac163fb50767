// What goes to POST /events and /events/batch, and what comes back.

namespace Dispatcher.Client;

/// <summary>One thing that happened, to be delivered to every integration that asks for its type.</summary>
/// <param name="Type">The event type, such as <c>job.completed</c>.</param>
/// <param name="Payload">The body that receivers get, byte for byte; up to 256 KiB unless the server is set otherwise.</param>
public sealed record EventMessage(string Type, JsonPayload Payload)
{
    /// <summary>
    /// The caller's dedupe id. The server takes an id once within its retention: the same id again answers with the first event and
    /// sends nothing new.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>The project that it belongs to; <c>null</c>: the key's own, else the organization's <c>default</c>.</summary>
    public string? Project { get; init; }

    /// <summary>The inbox of that project, if any.</summary>
    public string? Inbox { get; init; }

    /// <summary>Integrations with <c>ordering: "by_key"</c> get the events of one key one at a time, in the order of acceptance.</summary>
    public string? OrderingKey { get; init; }
}

/// <summary>The server's word that an event and its deliveries are durable.</summary>
/// <param name="Id">The event's id, which receivers see as <c>webhook-id</c>.</param>
/// <param name="Deliveries">To how many integrations it goes.</param>
public sealed record EventReceipt(string Id, int Deliveries);
