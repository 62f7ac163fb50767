// What the pages of integrations show: nothing of it that is secret, not even masked.

namespace Dispatcher.Pages.Integrations;

/// <summary>An integration in a list.</summary>
public sealed record IntegrationLine(
    string Id, string? Name, string Target, IReadOnlyList<string> Events, string? Project, string? Inbox, bool Enabled, string? DisabledReason,
    DateTimeOffset CreatedAt)
{
    /// <summary>What people know it by.</summary>
    public string Title => Name ?? Target;

    /// <summary>Why nothing is sent, in words; null while it is enabled.</summary>
    public string? Pause => Enabled ? null : DisabledReason switch
    {
        "gone" => "The target answered 410 Gone.",
        "failing" => "Nothing could be delivered for days.",
        null => "Switched off by hand.",
        var other => other,
    };
}

/// <summary>A delivery in a list.</summary>
public sealed record DeliveryLine(
    string Id, string EventType, string Status, int Attempts, string? LastOutcome, int? LastStatusCode, DateTimeOffset CreatedAt,
    DateTimeOffset? NextAttemptAt, DateTimeOffset? FinishedAt)
{
    /// <summary>What became of the last attempt, in words.</summary>
    public string Outcome => (LastOutcome, LastStatusCode) switch
    {
        (null, _) => "not sent yet",
        (var outcome, null) => outcome.Replace('_', ' '),
        (var outcome, { } status) => $"{outcome.Replace('_', ' ')} ({status})",
    };
}
