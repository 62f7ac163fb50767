// What the API reference says of deliveries.

using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Platform;

namespace Dispatcher.Deliveries;

internal static class DeliveriesReference
{
    private static readonly Parameter Id = Parameter.Id("id", Ids.Delivery, "The delivery's id.");

    private static readonly Parameter[] Filters =
    [
        Parameter.Id("integration", Ids.Integration, "Only deliveries to this integration."),
        Parameter.Id("event", Ids.Event, "Only deliveries of this event."),
        Parameter.Text("type", "Only deliveries of events of this type.", Examples.EventType, EventNames.MaxLength, EventNames.Pattern),
        Parameter.OneOf("status", "Only deliveries that stand here.", DeliveryStatus.All),
        Parameter.Time("since", "Only deliveries of events accepted at this time or later."),
        Parameter.Time("until", "Only deliveries of events accepted before this time."),
    ];

    public static readonly Operation List = new(
        "listDeliveries", "List deliveries, newest first", "Filters are combined with and. " + BoundedSearch.Description + " Changes nothing.")
    {
        Parameters = Filters,
    };

    public static readonly Operation ListAll = new(
        "listServerDeliveries", "List the deliveries of all organizations, newest first",
        "The same list over all organizations, each delivery with its own. " + BoundedSearch.Description + " Changes nothing.")
    {
        Parameters = [.. Filters, Parameter.Identifier("organization", "Only deliveries of this organization. Absent: of all.", Examples.Organization)],
    };

    public static readonly Operation Get = new(
        "getDelivery", "Read a delivery with each of its attempts",
        "Each attempt with its request and what came back; secret header values are masked. Changes nothing.")
    {
        Parameters = [Id],
    };

    public static readonly Operation Retry = new(
        "retryDelivery", "Send a delivery again now",
        "One that waits for a retry is due now, and keeps its place in the schedule; one that has ended begins a new round of attempts, numbered on, whether it " +
        "arrived or not. When the answer comes, that is durable.")
    {
        Parameters = [Id],
        Location = "/deliveries/" + Examples.Delivery,
        Answers = new Dictionary<int, string>
        {
            [409] = "It is being sent right now, its integration is disabled or deleted, or the `Idempotency-Key` was used with another request.",
        },
    };

    public static readonly Operation Cancel = new(
        "cancelDelivery", "Give a delivery up",
        "Nothing more of it is sent. A POST that is under way is not called back, and still recorded. When the answer comes, the end is durable.")
    {
        Parameters = [Id],
        Answers = new Dictionary<int, string>
        {
            [409] = "It has ended already, it is being sent while others of its ordering key wait for it, or the `Idempotency-Key` was used with another request.",
        },
    };
}
