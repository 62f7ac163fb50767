// What the form of an integration shows: its settings, and of its secrets only that they are there.

using Dispatcher.Events;
using Dispatcher.Integrations;
using Dispatcher.Platform;

namespace Dispatcher.Pages.Integrations;

/// <summary>The form for a new integration, or for the settings of one.</summary>
/// <param name="Settings">What is filled in.</param>
/// <param name="Catalogue">The event types to choose from.</param>
/// <param name="Projects">Projects to choose from; others can be named.</param>
/// <param name="Defaults">What holds where nothing is filled in.</param>
/// <param name="CanSignEd25519">Whether a new one can have <c>ed25519</c> signatures.</param>
public sealed record IntegrationFormModel(
    IntegrationSettings Settings, IReadOnlyList<EventGroup> Catalogue, IReadOnlyList<string> Projects, IntegrationDefaults Defaults, bool CanSignEd25519)
{
    /// <summary>Whether nothing is there yet.</summary>
    public bool IsNew => Settings.Id is null;
}

/// <summary>Settings as they are stored; null stands for the default.</summary>
/// <param name="Id">The integration's id; null: it is new.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Target">Where its POSTs go.</param>
/// <param name="Events">Types and patterns.</param>
/// <param name="HeaderNames">The names of its static headers; the values are secret.</param>
/// <param name="BasicUsername">The user name of basic authentication; null: there is none. The password is secret.</param>
/// <param name="Project">Only events of this project.</param>
/// <param name="Inbox">Only events of this inbox.</param>
/// <param name="Enabled">Whether anything is sent.</param>
/// <param name="RateLimitPerSecond">POSTs a second at most.</param>
/// <param name="MaxConcurrency">POSTs at once at most.</param>
/// <param name="TimeoutSeconds">How long an attempt may take.</param>
/// <param name="RetryBaseSeconds">The wait after the first failed attempt.</param>
/// <param name="RetryMaxAttempts">Attempts in all.</param>
/// <param name="Ordering"><c>none</c> or <c>by_key</c>.</param>
/// <param name="Signing"><c>hmac</c> or <c>ed25519</c>.</param>
/// <param name="Metadata">The customer's own JSON, as people read it; empty: there is none.</param>
public sealed record IntegrationSettings(
    string? Id, string? Name, string? Target, IReadOnlyList<string> Events, IReadOnlyList<string> HeaderNames, string? BasicUsername, string? Project,
    string? Inbox, bool Enabled, int? RateLimitPerSecond, int? MaxConcurrency, double? TimeoutSeconds, double? RetryBaseSeconds, int? RetryMaxAttempts,
    string Ordering, string Signing, string Metadata)
{
    /// <summary>What people know it by.</summary>
    public string Title => Name ?? Target ?? "";

    /// <summary>Those of a new one.</summary>
    internal static IntegrationSettings OfNew(string? project) => new(
        null, null, null, [], [], null, project, null, true, null, null, null, null, null, "none", "hmac", "");

    internal static IntegrationSettings Of(Integration i)
    {
        var stored = i.AsStored();
        return new(
            Ids.Format(Ids.Integration, i.Id), i.Name, i.Target, i.Events, [.. stored.Headers!.Keys], i.BasicUsername, i.Project, i.Inbox, i.Enabled,
            i.RateLimitPerSecond, i.MaxConcurrency, i.TimeoutSeconds, i.RetryBaseSeconds, i.RetryMaxAttempts, i.Ordering, i.Signing,
            JsonText.Indent(i.Metadata) is not "{}" and var metadata ? metadata : "");
    }
}

/// <summary>The server's own settings, which hold where an integration says nothing.</summary>
public sealed record IntegrationDefaults(int MaxConcurrency, double TimeoutSeconds, double RetryBaseSeconds, int RetryMaxAttempts);

/// <summary>Event types that begin with the same word.</summary>
/// <param name="Prefix">The word; null: types of one word only.</param>
/// <param name="Types">The types, by name, those that are deprecated last.</param>
public sealed record EventGroup(string? Prefix, IReadOnlyList<EventChoice> Types)
{
    /// <summary>What takes all of the group, and what is added to it later.</summary>
    public string? Pattern => Prefix is null ? null : Prefix + ".*";

    /// <summary>The catalogue in groups: those of one word first, then by name.</summary>
    public static IReadOnlyList<EventGroup> Group(IEnumerable<EventChoice> types) =>
    [
        .. types.GroupBy(t => t.Name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? t.Name[..dot] : null, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new EventGroup(g.Key, [.. g.OrderBy(t => t.Deprecated).ThenBy(t => t.Name, StringComparer.Ordinal)])),
    ];
}

/// <summary>An event type to choose.</summary>
public sealed record EventChoice(string Name, string? Description, bool Deprecated)
{
    internal static EventChoice Of(EventType type) => new(type.Name, type.Description, type.Deprecated);
}
