// What goes to POST /integrations/{id}/recover and /replay, and comes back: a task that the server works off.

using System.Text.Json.Serialization;

namespace Dispatcher.Client;

/// <summary>What a task does.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RecoveryKind>))]
public enum RecoveryKind
{
    /// <summary>Sends again what was exhausted.</summary>
    [JsonStringEnumMemberName("recover")]
    Recover,

    /// <summary>Sends what the integration never got.</summary>
    [JsonStringEnumMemberName("replay")]
    Replay,
}

/// <summary>Where a task stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RecoveryStatus>))]
public enum RecoveryStatus
{
    /// <summary>Has not begun.</summary>
    [JsonStringEnumMemberName("queued")]
    Queued,

    /// <summary>Goes on, or waits for deliveries of the integration to be sent, or for it to be enabled.</summary>
    [JsonStringEnumMemberName("running")]
    Running,

    /// <summary>All is in line to be sent, or has been sent.</summary>
    [JsonStringEnumMemberName("completed")]
    Completed,

    /// <summary>Given up; <see cref="RecoveryTask.Error"/> says why.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>Ended by request, or because the integration was deleted.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>A recovery or a replay, and how far it has come.</summary>
/// <param name="Id"><c>tsk_…</c></param>
/// <param name="Kind">What it does.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Count">How many deliveries were found to be sent.</param>
/// <param name="Done">How many of them are in line to be sent, or have been sent.</param>
public sealed record RecoveryTask(string Id, RecoveryKind Kind, RecoveryStatus Status, long Count, long Done)
{
    /// <summary>Whether <see cref="Count"/> is only what has been found so far: the span is a large one.</summary>
    public bool Counting { get; init; }

    /// <summary>The integration's id.</summary>
    public string? IntegrationId { get; init; }

    /// <summary>The beginning of the span.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The end of the span.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it reached an end; <c>null</c> before.</summary>
    public DateTimeOffset? FinishedAt { get; init; }
}

/// <summary>The body of both requests.</summary>
internal sealed record RecoverySpan(DateTimeOffset Since, DateTimeOffset? Until);
