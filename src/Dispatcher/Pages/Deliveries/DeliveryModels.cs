// What the pages of deliveries show.

namespace Dispatcher.Pages.Deliveries;

/// <summary>An integration, as far as pages about something else name it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Title">What people know it by: its name, or its target; its id where it is not the visitor's to see.</param>
/// <param name="HasPage">Whether there is a page of it for the visitor.</param>
/// <param name="IsDeleted">Whether it was deleted.</param>
public sealed record IntegrationName(string Id, string Title, bool HasPage, bool IsDeleted = false);

/// <summary>A delivery in a list.</summary>
public sealed record DeliveryRow(
    string Id, string EventId, string EventType, IntegrationName Integration, string Status, int Attempts, string? LastOutcome, int? LastStatusCode,
    DateTimeOffset CreatedAt, DateTimeOffset? NextAttemptAt, DateTimeOffset? FinishedAt)
{
    /// <summary>What became of the last attempt, in words.</summary>
    public string Outcome => (LastOutcome, LastStatusCode) switch
    {
        (null, _) => "not sent yet",
        (var outcome, null) => outcome.Replace('_', ' '),
        (var outcome, { } status) => $"{outcome.Replace('_', ' ')} ({status})",
    };
}

/// <summary>The filters of the list, as they stand in the address.</summary>
public sealed record DeliveryFilter(string? Id, string? Integration, string? Type, string? Status, string? Since, string? Until)
{
    /// <summary>Whether all deliveries are listed.</summary>
    public bool IsEmpty => this is { Id: null, Integration: null, Type: null, Status: null, Since: null, Until: null };

    /// <summary>The list's address below the face's root.</summary>
    public string Page => PageAddress.Of("deliveries", ("id", Id), ("integration", Integration), ("type", Type), ("status", Status), ("since", Since), ("until", Until));
}

/// <summary>The list of deliveries.</summary>
/// <param name="Filter">Which are listed.</param>
/// <param name="Faults">What is wrong with the filters, by name; nothing is listed then.</param>
/// <param name="Rows">This page's.</param>
/// <param name="Next">Where the next page begins; null: this is the last.</param>
/// <param name="SearchedTo">Where the search stopped before it had filled the page, because few match; null: it did not.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
/// <param name="Limit">How many rows a page may hold, where the address says it.</param>
/// <param name="Integration">The integration that the list is limited to, if it is.</param>
/// <param name="Integrations">Those to choose from.</param>
/// <param name="HasMore">Whether there are more integrations than can be chosen from.</param>
/// <param name="Types">Names of event types to choose from.</param>
public sealed record DeliveriesModel(
    DeliveryFilter Filter, IReadOnlyDictionary<string, string[]> Faults, IReadOnlyList<DeliveryRow> Rows, string? Next, DateTimeOffset? SearchedTo, bool IsFirst,
    int? Limit, IntegrationName? Integration, IReadOnlyList<IntegrationName> Integrations, bool HasMore, IReadOnlyList<string> Types);

/// <summary>One attempt.</summary>
/// <param name="Key">Tells it from others on its page.</param>
/// <param name="Number">From 1.</param>
/// <param name="Outcome">The name of how it ended.</param>
/// <param name="Cause">The same in words, and what to do.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="LatencyMs">How long it took.</param>
/// <param name="Address">What was connected to; null: nothing was.</param>
/// <param name="StatusCode">The answer's status; null: there was none.</param>
/// <param name="Error">The server's own words on a failure that is not the receiver's answer.</param>
/// <param name="Request">The headers that were sent.</param>
/// <param name="Response">The headers of the answer; null: there was none.</param>
/// <param name="Body">The answer's body; null: it was empty, or there was no answer.</param>
public sealed record AttemptModel(
    string Key, int Number, string Outcome, Cause Cause, DateTimeOffset StartedAt, double LatencyMs, string? Address, int? StatusCode, string? Error,
    IReadOnlyList<KeyValuePair<string, string>> Request, IReadOnlyList<KeyValuePair<string, string>>? Response, ShownBytes? Body)
{
    public bool Succeeded => Outcome == "succeeded";
}

/// <summary>An attempt to come.</summary>
/// <param name="Number">Which one.</param>
/// <param name="At">When it is due, as far as that is known.</param>
/// <param name="Delay">How long after the failure of the one before, in words; null for the next one.</param>
public sealed record PlannedModel(int Number, DateTimeOffset? At, string? Delay);

/// <summary>What can be done with a delivery, and why not.</summary>
/// <param name="Retry">What the button says that sends it again; null: there is none.</param>
/// <param name="Confirm">What is asked before that.</param>
/// <param name="CanCancel">Whether it can be given up.</param>
public sealed record DeliveryChoices(string? Retry, string? Confirm, bool CanCancel);

/// <summary>One delivery.</summary>
/// <param name="Delivery">The delivery.</param>
/// <param name="Payload">What is delivered; null: it is not stored any more.</param>
/// <param name="Attempts">The attempts, newest first.</param>
/// <param name="Planned">Those to come.</param>
/// <param name="Wait">Why nothing is sent now though it has not ended, in words; null: it is sent when it is due.</param>
/// <param name="BreakerUntil">When its integration is tried again, while its circuit breaker is open.</param>
/// <param name="Choices">What can be done.</param>
public sealed record DeliveryModel(
    DeliveryRow Delivery, ShownBytes? Payload, IReadOnlyList<AttemptModel> Attempts, IReadOnlyList<PlannedModel> Planned, string? Wait, DateTimeOffset? BreakerUntil,
    DeliveryChoices Choices)
{
    /// <summary>Whether more is to come by itself.</summary>
    public bool IsLive => Delivery.FinishedAt is null;
}
