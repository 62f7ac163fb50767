// What the page shows from which deliveries are recovered and events replayed.

namespace Dispatcher.Pages.Integrations;

/// <summary>The tasks of an integration.</summary>
/// <param name="Head">The integration.</param>
/// <param name="Tasks">This page's, the newest first.</param>
/// <param name="NextCursor">Where the next page begins; null: this is the last.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record RecoverModel(IntegrationHead Head, IReadOnlyList<TaskLine> Tasks, string? NextCursor, bool IsFirst);

/// <summary>A task in the list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind"><c>recover</c> or <c>replay</c>.</param>
/// <param name="Since">The beginning of the span.</param>
/// <param name="Until">The end of the span.</param>
/// <param name="Count">How many deliveries were found to be sent.</param>
/// <param name="Counting">Whether that is what has been found so far.</param>
/// <param name="Done">How many of them wait to be sent, or have been sent since.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Error">Why it failed, where it did.</param>
/// <param name="CreatedAt">When it was asked for.</param>
/// <param name="FinishedAt">When it reached an end.</param>
public sealed record TaskLine(
    string Id, string Kind, DateTimeOffset Since, DateTimeOffset Until, long Count, bool Counting, long Done, string Status, string? Error,
    DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>Whether it can still be cancelled.</summary>
    public bool IsOpen => FinishedAt is null;

    /// <summary>What colour stands beside its status.</summary>
    public string Tone => Status switch { "completed" => "good", "failed" => "bad", "queued" or "running" => "busy", _ => "" };
}
