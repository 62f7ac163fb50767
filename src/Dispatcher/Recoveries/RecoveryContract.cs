// Recover and replay as they stand on the wire.

using System.Text.Json.Serialization;

namespace Dispatcher.Recoveries;

/// <summary>A span of time to recover or to replay, by the times at which events were accepted.</summary>
/// <param name="Since">Its beginning, which belongs to it. Required.</param>
/// <param name="Until">Its end, which does not. Default, and at most: now.</param>
internal sealed record SpanRequest(DateTimeOffset? Since, DateTimeOffset? Until);

/// <summary>A call of recover or replay, and how far it has come.</summary>
/// <param name="Id">Its id; it sorts by time.</param>
/// <param name="Kind"><c>recover</c> or <c>replay</c>.</param>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Since">The beginning of the span.</param>
/// <param name="Until">The end of the span.</param>
/// <param name="Count">How many deliveries were found to be sent.</param>
/// <param name="Counting">Whether <c>count</c> is what has been found so far: a span too large to count while the caller waits.</param>
/// <param name="Done">How many of them wait to be sent, or have been sent since.</param>
/// <param name="Status"><c>queued</c>, <c>running</c>, <c>completed</c>, <c>failed</c> or <c>cancelled</c>.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="FinishedAt">When it reached an end.</param>
internal sealed record TaskView(
    string Id,
    string Kind,
    string IntegrationId,
    DateTimeOffset Since,
    DateTimeOffset Until,
    long Count,
    bool Counting,
    long Done,
    string Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error,
    DateTimeOffset CreatedAt,
    DateTimeOffset? FinishedAt);

/// <summary>What a task does.</summary>
internal static class TaskKind
{
    /// <summary>Sends again what was exhausted.</summary>
    public const string Recover = "recover";

    /// <summary>Sends what there was no delivery for.</summary>
    public const string Replay = "replay";
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
