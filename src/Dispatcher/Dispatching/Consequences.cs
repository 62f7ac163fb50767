// What follows from some attempts beyond their record: a receiver that is gone disables its integration, a last failure is told.
// Both are ordinary events, made in the transaction that records the attempt: never one without the other.

using System.Text.Json;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Dispatcher.Sending;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>Event types that the server itself emits. Their own deliveries, when they fail, emit nothing further.</summary>
internal static class SystemEvents
{
    public const string DeliveryExhausted = "delivery.exhausted";
    public const string IntegrationDisabled = "integration.disabled";

    public static bool IsOne(string type) => type is DeliveryExhausted or IntegrationDisabled;
}

internal sealed class Consequences(TimeProvider time)
{
    /// <summary>Why an integration was disabled by a 410.</summary>
    public const string GoneReason = "gone";

    /// <summary>Makes what follows from attempts that have consequences; returns the integrations that get events by it, to be told after the commit.</summary>
    public async Task<Guid[]> FollowAsync(
        List<FinishedAttempt> attempts, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        var events = new List<NewEvent>();
        foreach (var attempt in attempts)
        {
            var system = SystemEvents.IsOne(attempt.Delivery.EventType);
            if (attempt.Result.Outcome == SendOutcome.Gone
                && await DisableAsync(attempt.Delivery, connection, transaction, ct) is { } disabled && !system) events.Add(disabled);
            if (attempt.Status == DeliveryStatus.Exhausted && !system) events.Add(Exhausted(attempt));
        }

        if (events.Count == 0) return [];
        // Left to a claim: consequences are rare, and so the transaction's end decides alone whether they are sent.
        using var nobody = new Holding(null, 0, []);
        return (await AcceptStatement.ExecuteAsync(events, nobody, connection, transaction, ct)).Unowned;
    }

    private async Task<NewEvent?> DisableAsync(Delivery delivery, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            """
            UPDATE dispatcher.integration SET enabled = false, disabled_reason = $3, updated_at = $4
            WHERE organization_id = $1 AND id = $2 AND enabled AND deleted_at IS NULL
            RETURNING project, inbox
            """, connection, transaction);
        command.Parameters.AddWithValue(delivery.Organization);
        command.Parameters.AddWithValue(delivery.IntegrationId);
        command.Parameters.AddWithValue(GoneReason);
        command.Parameters.AddWithValue(time.GetUtcNow());
        await using var reader = await command.ExecuteReaderAsync(ct);
        if (!await reader.ReadAsync(ct)) return null;
        var project = reader.IsDBNull(0) ? null : reader.GetString(0);
        var inbox = reader.IsDBNull(1) ? null : reader.GetString(1);
        return Make(new EventRoute(delivery.Organization, project, inbox, SystemEvents.IntegrationDisabled), writer =>
        {
            writer.WriteString("integration_id", Ids.Format(Ids.Integration, delivery.IntegrationId));
            writer.WriteString("reason", GoneReason);
            writer.WriteString("disabled_at", Rfc3339Converter.ToText(time.GetUtcNow()));
        });
    }

    private NewEvent Exhausted(FinishedAttempt attempt)
    {
        var delivery = attempt.Delivery;
        return Make(new EventRoute(delivery.Organization, delivery.Project, null, SystemEvents.DeliveryExhausted), writer =>
        {
            writer.WriteString("delivery_id", Ids.Format(Ids.Delivery, delivery.Id));
            writer.WriteString("event_id", delivery.MessageId);
            writer.WriteString("event_type", delivery.EventType);
            writer.WriteString("integration_id", Ids.Format(Ids.Integration, delivery.IntegrationId));
            writer.WriteNumber("attempts", attempt.Number);
            writer.WriteString("last_outcome", SendOutcomes.ToName(attempt.Result.Outcome));
            if (attempt.Result.StatusCode is { } status) writer.WriteNumber("last_status_code", status);
            writer.WriteString("exhausted_at", Rfc3339Converter.ToText(time.GetUtcNow()));
        });
    }

    private NewEvent Make(EventRoute route, Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return new NewEvent(Ids.NewUuid(time.GetUtcNow()), route, buffer.ToArray());
    }
}
