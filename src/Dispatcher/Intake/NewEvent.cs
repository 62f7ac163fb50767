// An event on its way in, and what became of it.

namespace Dispatcher.Intake;

/// <summary>Where an event comes from and what it is: what decides which integrations get it.</summary>
/// <param name="Organization">The organization it belongs to.</param>
/// <param name="Project">Its project; null stands for <c>default</c>.</param>
/// <param name="Inbox">Its inbox, if any.</param>
/// <param name="Type">Its type.</param>
/// <param name="Target">The one integration that it is for, whatever it subscribes to; null: fan out.</param>
internal readonly record struct EventRoute(string Organization, string? Project, string? Inbox, string Type, Guid? Target = null);

/// <summary>A validated event.</summary>
/// <param name="Id">A UUIDv7.</param>
/// <param name="Route">See <see cref="EventRoute"/>.</param>
/// <param name="Payload">The bytes that receivers get.</param>
/// <param name="OrderingKey">What ordered integrations keep in order.</param>
/// <param name="DedupeId">The caller's id: a second event with it is the first one again.</param>
internal sealed record NewEvent(Guid Id, EventRoute Route, byte[] Payload, string? OrderingKey = null, string? DedupeId = null);

/// <summary>An event that is durable, with its deliveries.</summary>
/// <param name="EventId">Its id; for a repeated event, the first one's.</param>
/// <param name="Deliveries">How many deliveries it made; 0 for a repeated event.</param>
/// <param name="Repeated">Whether the caller's id was known.</param>
/// <param name="DeliveryId">The delivery, where exactly one was made.</param>
internal readonly record struct Accepted(Guid EventId, int Deliveries, bool Repeated, Guid? DeliveryId);
