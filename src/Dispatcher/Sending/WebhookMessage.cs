// What is sent: one event on one of its attempts.

namespace Dispatcher.Sending;

/// <summary>One event, for one attempt.</summary>
/// <param name="Id">The event's id: <c>webhook-id</c>, the same on every attempt and for every integration.</param>
/// <param name="EventType"><c>dispatcher-event</c>.</param>
/// <param name="Payload">The body, byte for byte as it was accepted. Must stay unchanged until the attempt has ended.</param>
/// <param name="Attempt"><c>dispatcher-attempt</c>, from 1.</param>
internal readonly record struct WebhookMessage(string Id, string EventType, ReadOnlyMemory<byte> Payload, int Attempt);
