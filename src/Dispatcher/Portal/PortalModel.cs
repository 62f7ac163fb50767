// What the pages show. Public, because components are and cannot be otherwise; nothing outside of this room uses them.

using System.Reflection;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Portal;

/// <summary>What every page knows.</summary>
/// <param name="Root">The path of the portal as the browser sees it, such as <c>/portal</c>.</param>
/// <param name="Api">The root of the API, for examples.</param>
/// <param name="Organization">The session's organization.</param>
/// <param name="Project">The project it is limited to, if any.</param>
/// <param name="ReadOnly">Whether the session may only look.</param>
/// <param name="ExpiresAt">When the session ends.</param>
public sealed record PortalView(string Root, string Api, string Organization, string? Project, bool ReadOnly, DateTimeOffset ExpiresAt)
    : IBindableFromHttpContext<PortalView>
{
    /// <summary>What PortalMiddleware found out.</summary>
    public static ValueTask<PortalView?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult<PortalView?>(context.Features.GetRequiredFeature<PortalView>());
}

/// <summary>An integration in a list: nothing of it that is secret, not even masked.</summary>
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
