// Bulk actions as they stand on the wire.

using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Dispatcher.Dispatching;
using Dispatcher.Platform;

namespace Dispatcher.Recoveries;

/// <summary>What is done to deliveries in bulk.</summary>
internal static class BulkAction
{
    /// <summary>What waits for a retry is due now; what was exhausted or cancelled begins a new round of attempts.</summary>
    public const string Retry = "retry";

    /// <summary>What waits is given up.</summary>
    public const string Cancel = "cancel";

    /// <summary>What has ended, however it did, begins a new round of attempts.</summary>
    public const string Replay = "replay";

    public static readonly string[] All = [Retry, Cancel, Replay];

    /// <summary>What an action acts on. Not on what a node has in its hands: it is being sent.</summary>
    public static string[] StatusesOf(string action) => action switch
    {
        Retry => [DeliveryStatus.Failed, DeliveryStatus.Exhausted, DeliveryStatus.Cancelled],
        Cancel => [DeliveryStatus.Pending, DeliveryStatus.Failed],
        _ => [DeliveryStatus.Succeeded, DeliveryStatus.Exhausted, DeliveryStatus.Cancelled],
    };
}

/// <summary>Which deliveries; what is absent does not matter. All absent: those of the whole organization, or of the key's project.</summary>
/// <param name="Integration">Only deliveries to this integration.</param>
/// <param name="Type">Only deliveries of events of this type.</param>
/// <param name="Status">Only deliveries that stand here. <c>retry</c> takes <c>failed</c>, <c>exhausted</c> or <c>cancelled</c>; <c>cancel</c> <c>pending</c> or <c>failed</c>; <c>replay</c> <c>succeeded</c>, <c>exhausted</c> or <c>cancelled</c>. Absent: all that the action takes.</param>
/// <param name="Since">Only deliveries of events accepted at this time or later. In the past.</param>
/// <param name="Until">Only deliveries of events accepted before this time, later than <c>since</c>. Default, and at most: now.</param>
internal sealed record BulkFilterView(
    [property: RegularExpression("^int_[0-9a-fA-F]{32}$"), Example(Examples.Integration)] string? Integration = null,
    [property: MaxLength(128), Example(Examples.EventType)] string? Type = null,
    [property: AllowedValues(DeliveryStatus.Pending, DeliveryStatus.Failed, DeliveryStatus.Succeeded, DeliveryStatus.Exhausted, DeliveryStatus.Cancelled)]
    [property: Example(DeliveryStatus.Exhausted)]
    string? Status = null,
    [property: Example(Examples.Time)] DateTimeOffset? Since = null,
    [property: Example(Examples.NextDay)] DateTimeOffset? Until = null);

/// <summary>A request for a bulk action.</summary>
/// <param name="Action"><c>retry</c>: what has failed is sent again; <c>cancel</c>: what waits is given up; <c>replay</c>: what has ended is sent again, what has arrived too.</param>
/// <param name="Filter">Which deliveries. An empty one matches all that the action takes.</param>
internal sealed record BulkRequest(
    [property: Required, AllowedValues(BulkAction.Retry, BulkAction.Cancel, BulkAction.Replay), Example(BulkAction.Retry)] string? Action,
    [property: Required] BulkFilterView? Filter);

/// <summary>How many deliveries a bulk action would find.</summary>
/// <param name="Action">The action.</param>
/// <param name="Count">How many.</param>
/// <param name="Counting">Whether there are more: counting them takes longer than a caller waits.</param>
internal sealed record BulkCountView(
    [property: AllowedValues(BulkAction.Retry, BulkAction.Cancel, BulkAction.Replay), Example(BulkAction.Retry)] string Action,
    [property: Example(1234)] long Count,
    [property: Example(false)] bool Counting);

/// <summary>A bulk action, and how far it has come.</summary>
/// <param name="Id">Its id; it sorts by time.</param>
/// <param name="Action">What it does: <c>retry</c>, <c>cancel</c> or <c>replay</c>.</param>
/// <param name="Filter">To which deliveries; <c>until</c> at the latest when it was asked for.</param>
/// <param name="Project">The project of the key that asked, whose deliveries alone it is about; null: those of all.</param>
/// <param name="Count">How many deliveries were found.</param>
/// <param name="Counting">Whether <c>count</c> is what has been found so far: too many to count while the caller waits.</param>
/// <param name="Done">How many of them it has dealt with.</param>
/// <param name="Status">Where it stands: <c>queued</c> waits for a node or an older task of its integration; <c>completed</c>, <c>failed</c> and <c>cancelled</c> are ends.</param>
/// <param name="Error">Why it failed; absent where it did not.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="FinishedAt">When it reached an end; null before that.</param>
internal sealed record BulkTaskView(
    [property: Example(Examples.Task)] string Id,
    [property: AllowedValues(BulkAction.Retry, BulkAction.Cancel, BulkAction.Replay), Example(BulkAction.Retry)] string Action,
    BulkFilterView Filter,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(1234)] long Count,
    [property: Example(false)] bool Counting,
    [property: Example(1000)] long Done,
    [property: AllowedValues(TaskState.Queued, TaskState.Running, TaskState.Completed, TaskState.Failed, TaskState.Cancelled), Example(TaskState.Running)]
    string Status,
    [property: Example("A step failed 10 times; the server's log says why. Ask again: what was done is not done twice.")]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Error,
    [property: Example(Examples.NextDay)] DateTimeOffset CreatedAt,
    [property: Example("2023-10-02T12:00:03.000Z")] DateTimeOffset? FinishedAt);
