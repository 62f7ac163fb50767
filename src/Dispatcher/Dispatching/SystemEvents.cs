// The events that the server itself emits.

using System.Text.Json;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

/// <summary>Event types that the server itself emits. Their own deliveries, when they fail, emit nothing further.</summary>
internal static class SystemEvents
{
    public const string DeliveryExhausted = "delivery.exhausted";
    public const string IntegrationDisabled = "integration.disabled";

    public static bool IsOne(string type) => type is DeliveryExhausted or IntegrationDisabled;

    public static NewEvent Exhausted(FinishedAttempt attempt, DateTimeOffset now)
    {
        var delivery = attempt.Delivery;
        return Make(new EventRoute(delivery.Organization, delivery.Project, null, DeliveryExhausted), now, writer =>
        {
            writer.WriteString("delivery_id", Ids.Format(Ids.Delivery, delivery.Id));
            writer.WriteString("event_id", delivery.MessageId);
            writer.WriteString("event_type", delivery.EventType);
            writer.WriteString("integration_id", Ids.Format(Ids.Integration, delivery.IntegrationId));
            writer.WriteNumber("attempts", attempt.Number);
            writer.WriteString("last_outcome", SendOutcomes.ToName(attempt.Result.Outcome));
            if (attempt.Result.StatusCode is { } status) writer.WriteNumber("last_status_code", status);
            writer.WriteString("exhausted_at", Rfc3339Converter.ToText(now));
        });
    }

    public static NewEvent Disabled(DisabledIntegration integration, string reason, DateTimeOffset now) =>
        Make(new EventRoute(integration.Organization, integration.Project, integration.Inbox, IntegrationDisabled), now, writer =>
        {
            writer.WriteString("integration_id", Ids.Format(Ids.Integration, integration.Id));
            writer.WriteString("reason", reason);
            writer.WriteString("disabled_at", Rfc3339Converter.ToText(now));
        });

    private static NewEvent Make(EventRoute route, DateTimeOffset now, Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return new NewEvent(Ids.NewUuid(now), route, buffer.ToArray());
    }
}
