// What the API reference says of bulk actions.

using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Platform;
using Dispatcher.Recoveries;

namespace Dispatcher.Deliveries;

internal static class BulkReference
{
    private static readonly Parameter Id = Parameter.Id("task", Ids.Task, "The bulk action's id.");

    public static readonly Operation Ask = new(
        "startBulkAction", "Retry, cancel or replay all deliveries that a filter matches",
        "Queues a task that does it, a thousand at a time. When the answer comes, the task is durable, and some node works it off; `count` says how many deliveries " +
        "it found. What is in a node's hands is passed over, and so is, unless it is cancelled, what belongs to a disabled integration. `retry` makes due what waits " +
        "for a retry, and gives what was exhausted or cancelled a new round of attempts; `replay` gives one to whatever has ended, so that receivers get it again with the same " +
        "`webhook-id`; `cancel` gives up what waits. An operator acts on one organization.")
    {
        Location = "/deliveries/bulk/" + Examples.Task,
        Answers = new Dictionary<int, string>
        {
            [404] = "There is no such integration, or it is another tenant's.",
            [409] = "The integration is disabled, too many bulk actions have not finished, or the `Idempotency-Key` was used with another request.",
        },
    };

    public static readonly Operation Count = new(
        "countBulkAction", "Count what a bulk action would find",
        "How many deliveries the action would be about, were it asked for now; none of an integration that is disabled or not there, unless it is to be cancelled. " +
        "Counts for two seconds at most. Changes nothing.")
    {
        Parameters =
        [
            Parameter.OneOf("action", "Which action. Absent: `retry`.", BulkAction.All),
            Parameter.Id("integration", Ids.Integration, "Only deliveries to this integration."),
            Parameter.Text("type", "Only deliveries of events of this type.", Examples.EventType, EventNames.MaxLength, EventNames.Pattern),
            Parameter.OneOf("status", "Only deliveries that stand here. Absent: all that the action takes.", [DeliveryStatus.Exhausted, .. DeliveryStatus.All.Except([DeliveryStatus.Delivering, DeliveryStatus.Exhausted])]),
            Parameter.Time("since", "Only deliveries of events accepted at this time or later."),
            Parameter.Time("until", "Only deliveries of events accepted before this time."),
        ],
    };

    public static readonly Operation List = new("listBulkActions", "List bulk actions, newest first", "Those that have ended too, for 30 days. Changes nothing.");

    public static readonly Operation Get = new("getBulkAction", "Read how far a bulk action has come", "One bulk action. Changes nothing.")
    {
        Parameters = [Id],
    };

    public static readonly Operation Cancel = new(
        "cancelBulkAction", "End a bulk action", "Ends it after the step that is under way. What was done until then stays done.")
    {
        Parameters = [Id],
        Answers = new Dictionary<int, string> { [409] = "It has ended already, or the `Idempotency-Key` was used with another request." },
    };
}
