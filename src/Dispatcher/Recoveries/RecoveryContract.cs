// Recover and replay as they stand on the wire.

using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Dispatcher.Platform;

namespace Dispatcher.Recoveries;

/// <summary>A span of time to recover or to replay, by the times at which events were accepted.</summary>
/// <param name="Since">Its beginning, which belongs to it and must be in the past.</param>
/// <param name="Until">Its end, which does not belong to it, later than its beginning. Default, and at most: now.</param>
internal sealed record SpanRequest(
    [property: Required, Example(Examples.Time)] DateTimeOffset? Since,
    [property: Example(Examples.NextDay)] DateTimeOffset? Until = null);

/// <summary>A call of recover or replay, and how far it has come.</summary>
/// <param name="Id">Its id; it sorts by time.</param>
/// <param name="Kind"><c>recover</c> sends exhausted deliveries again, <c>replay</c> delivers what was never delivered.</param>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Since">The beginning of the span.</param>
/// <param name="Until">The end of the span.</param>
/// <param name="Count">How many deliveries were found to be sent.</param>
/// <param name="Counting">Whether <c>count</c> is what has been found so far: a span too large to count while the caller waits.</param>
/// <param name="Done">How many of them wait to be sent, or have been sent since.</param>
/// <param name="Status">Where it stands: <c>queued</c> waits for a node or an older task of its integration; <c>completed</c>, <c>failed</c> and <c>cancelled</c> are ends.</param>
/// <param name="Error">Why it failed; absent where it did not.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="FinishedAt">When it reached an end; null before that.</param>
internal sealed record TaskView(
    [property: Example(Examples.Task)] string Id,
    [property: AllowedValues(TaskKind.Recover, TaskKind.Replay), Example(TaskKind.Recover)] string Kind,
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: Example(Examples.Time)] DateTimeOffset Since,
    [property: Example(Examples.NextDay)] DateTimeOffset Until,
    [property: Example(120)] long Count,
    [property: Example(false)] bool Counting,
    [property: Example(100)] long Done,
    [property: AllowedValues(TaskState.Queued, TaskState.Running, TaskState.Completed, TaskState.Failed, TaskState.Cancelled), Example(TaskState.Running)]
    string Status,
    [property: Example("A step failed 10 times; the server's log says why. Ask again: what was done is not done twice.")]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Error,
    [property: Example(Examples.NextDay)] DateTimeOffset CreatedAt,
    [property: Example("2023-10-02T12:00:03.000Z")] DateTimeOffset? FinishedAt);

/// <summary>What a task does.</summary>
internal static class TaskKind
{
    /// <summary>Sends again what was exhausted.</summary>
    public const string Recover = "recover";

    /// <summary>Sends what there was no delivery for.</summary>
    public const string Replay = "replay";

    /// <summary>Sends again what has failed, of all that a filter matches. The name of a bulk action's kind is that of the action behind this prefix.</summary>
    public const string BulkRetry = BulkPrefix + BulkAction.Retry;

    /// <summary>Gives up what waits, of all that a filter matches.</summary>
    public const string BulkCancel = BulkPrefix + BulkAction.Cancel;

    /// <summary>Sends again what has ended, of all that a filter matches.</summary>
    public const string BulkReplay = BulkPrefix + BulkAction.Replay;

    public const string BulkPrefix = "bulk_";
}

/// <summary>Where a task stands.</summary>
internal static class TaskState
{
    /// <summary>Waits for a node, or for an older task of its integration.</summary>
    public const string Queued = "queued";
    public const string Running = "running";
    public const string Completed = "completed";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";
}
