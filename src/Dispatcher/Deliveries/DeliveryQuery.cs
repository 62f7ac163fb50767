// Which deliveries a list is about, and how its filters read in an address: the same for the API and for the pages.

using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Platform;

namespace Dispatcher.Deliveries;

/// <summary>Which deliveries to list; null: no matter.</summary>
internal sealed record DeliveryQuery(Guid? Integration, Guid? Event, string? Type, string? Status, DateTimeOffset? Since, DateTimeOffset? Until)
{
    /// <summary>What <see cref="Status"/> may be.</summary>
    public static IReadOnlyList<string> Statuses => DeliveryStatus.All;

    /// <summary>Reads the filters. What is wrong with them is in <paramref name="filter"/> then.</summary>
    public static DeliveryQuery Read(QueryFilter filter) => new(
        filter.Id("integration", Ids.Integration),
        filter.Id("event", Ids.Event),
        filter.Text("type", t => EventNames.IsType(t), EventNames.Rule),
        filter.Text("status", s => DeliveryStatus.All.Contains(s), $"must be one of {string.Join(", ", DeliveryStatus.All)}"),
        filter.Time("since"),
        filter.Time("until"));

    /// <summary>Whether a delivery is one of these.</summary>
    public bool Matches(DeliveryView delivery) =>
        (Integration is not { } integration || delivery.IntegrationId == Ids.Format(Ids.Integration, integration))
        && (Event is not { } id || delivery.EventId == Ids.Format(Ids.Event, id))
        && (Type is null || delivery.EventType == Type)
        && (Status is null || delivery.Status == Status)
        && (Since is not { } since || delivery.CreatedAt >= since)
        && (Until is not { } until || delivery.CreatedAt < until);
}
