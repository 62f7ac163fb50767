// What the pages of events show.

using Dispatcher.Pages.Deliveries;

namespace Dispatcher.Pages.Events;

/// <summary>An event in a list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type.</param>
/// <param name="Project">Its project; null: <c>default</c>.</param>
/// <param name="Inbox">Its inbox, if any.</param>
/// <param name="OrderingKey">Its ordering key, if any.</param>
/// <param name="DedupeId">The id that its publisher gave it, if any.</param>
/// <param name="CreatedAt">When it was accepted.</param>
/// <param name="Deliveries">To how many integrations it went; null where that is not shown.</param>
public sealed record EventRow(
    string Id, string Type, string? Project, string? Inbox, string? OrderingKey, string? DedupeId, DateTimeOffset CreatedAt, int? Deliveries);

/// <summary>The filters of the list, as they stand in the address.</summary>
public sealed record EventFilter(string? Id, string? Type, string? Project, string? Inbox, string? Since, string? Until)
{
    /// <summary>Whether all events are listed.</summary>
    public bool IsEmpty => this is { Id: null, Type: null, Project: null, Inbox: null, Since: null, Until: null };

    /// <summary>The list's address below the face's root.</summary>
    public string Page => PageAddress.Of("events", ("id", Id), ("type", Type), ("project", Project), ("inbox", Inbox), ("since", Since), ("until", Until));
}

/// <summary>The list of events.</summary>
/// <param name="Filter">Which are listed.</param>
/// <param name="Faults">What is wrong with the filters, by name; nothing is listed then.</param>
/// <param name="Rows">This page's.</param>
/// <param name="Next">Where the next page begins; null: this is the last.</param>
/// <param name="SearchedTo">Where the search stopped before it had filled the page, because few match; null: it did not.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
/// <param name="Limit">How many rows a page may hold, where the address says it.</param>
/// <param name="Types">Names of event types to choose from.</param>
public sealed record EventsModel(
    EventFilter Filter, IReadOnlyDictionary<string, string[]> Faults, IReadOnlyList<EventRow> Rows, string? Next, DateTimeOffset? SearchedTo, bool IsFirst,
    int? Limit, IReadOnlyList<string> Types);

/// <summary>One event.</summary>
/// <param name="Event">The event.</param>
/// <param name="Payload">What is delivered.</param>
/// <param name="Deliveries">Its deliveries, newest first.</param>
/// <param name="HasMore">Whether there are more than are shown.</param>
public sealed record EventModel(EventRow Event, ShownBytes Payload, IReadOnlyList<DeliveryRow> Deliveries, bool HasMore)
{
    /// <summary>Whether some of its deliveries have not ended.</summary>
    public bool IsLive => Deliveries.Any(d => d.FinishedAt is null);
}
