// What the page shows from which test events are sent, and how it is put together.

using Dispatcher.Access;
using Dispatcher.Deliveries;
using Dispatcher.Events;
using Dispatcher.Integrations;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Pages.Integrations;

/// <summary>A test.</summary>
/// <param name="Head">The integration.</param>
/// <param name="Subscribed">The event types of the catalogue that the integration subscribes to.</param>
/// <param name="Others">The other ones.</param>
/// <param name="Chosen">The type that is tested; null: the catalogue is empty.</param>
/// <param name="Description">When events of this type happen.</param>
/// <param name="Payload">What is sent unless it is edited.</param>
/// <param name="Result">What became of the test that was sent; null: none was.</param>
public sealed record TestModel(
    IntegrationHead Head, IReadOnlyList<string> Subscribed, IReadOnlyList<string> Others, string? Chosen, string? Description, string Payload,
    TestResult? Result);

/// <summary>What has become of a test so far.</summary>
/// <param name="DeliveryId">The delivery.</param>
/// <param name="Status">How it stands.</param>
/// <param name="NextAttemptAt">When the next attempt is due; null when there is none to come.</param>
/// <param name="Attempts">What was sent and what came back, the last attempt first.</param>
public sealed record TestResult(string DeliveryId, string Status, DateTimeOffset? NextAttemptAt, IReadOnlyList<AttemptLine> Attempts)
{
    /// <summary>Whether nothing further will happen by itself.</summary>
    public bool IsOver => Status is "succeeded" or "exhausted" or "cancelled";
}

/// <summary>One POST and what came back.</summary>
public sealed record AttemptLine(
    int Number, bool HasSucceeded, Cause Cause, DateTimeOffset StartedAt, double LatencyMs, string? Address,
    IReadOnlyDictionary<string, string> RequestHeaders, int? StatusCode, IReadOnlyDictionary<string, string>? ResponseHeaders, string? ResponseBody,
    string? Error);

/// <summary>Puts the page's model together.</summary>
internal sealed class TestPages(DispatcherDb db, DeliveryStore deliveries, EventStore events)
{
    /// <param name="head">The integration.</param>
    /// <param name="integration">The same as it is stored.</param>
    /// <param name="tenant">Who looks.</param>
    /// <param name="type">The event type that is asked for, if any.</param>
    /// <param name="delivery">The test that was sent, if any.</param>
    /// <param name="ct">Cancels.</param>
    /// <exception cref="ProblemException">404: there is no such delivery to this integration.</exception>
    public async Task<TestModel> ModelAsync(
        IntegrationHead head, Integration integration, Tenant tenant, string? type, string? delivery, CancellationToken ct)
    {
        var sent = delivery is null ? null : await FindAsync(tenant, head.Id, delivery, ct);
        var names = await db.EventTypes.AsNoTracking().OrderBy(t => t.Deprecated).ThenBy(t => t.Name).Select(t => t.Name).ToListAsync(ct);
        var subscribed = names.FindAll(name => Array.Exists(integration.Events, pattern => EventNames.Matches(pattern, name)));
        var others = names.Except(subscribed, StringComparer.Ordinal).ToList();
        var wanted = sent?.EventType ?? type;
        var chosen = wanted is not null && names.Contains(wanted) ? wanted : subscribed.Concat(others).FirstOrDefault();
        var entry = await db.EventTypes.AsNoTracking().SingleOrDefaultAsync(t => t.Name == chosen, ct);
        var payload = sent is not null && await events.FindAsync(tenant, sent.EventId, ct) is { Payload: var bytes }
            ? System.Text.Encoding.UTF8.GetString(bytes.Utf8)
            : JsonText.Indent(entry?.Example ?? "{}");
        return new TestModel(head, subscribed, others, chosen, entry?.Description, payload, sent is null ? null : ResultOf(sent));
    }

    private async Task<DeliveryDetail> FindAsync(Tenant tenant, string integration, string id, CancellationToken ct) =>
        Ids.TryParse(Ids.Delivery, id, out var key) && await deliveries.FindDetailAsync(tenant, key, ct) is { } found && found.IntegrationId == integration
            ? found
            : throw Problem.NotFound($"There is no delivery \"{id}\" to this integration.").AsException();

    private static TestResult ResultOf(DeliveryDetail sent) => new(
        sent.Id, sent.Status, sent.NextAttemptAt,
        [.. sent.Attempts.Reverse().Select(a => new AttemptLine(
            a.Number, a.Outcome == "succeeded", Cause.Of(a.Outcome, a.StatusCode), a.StartedAt, a.LatencyMs, a.Address, a.RequestHeaders, a.StatusCode,
            a.ResponseHeaders, a.ResponseBody, a.Error))]);
}
