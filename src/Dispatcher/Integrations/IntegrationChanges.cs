// What a change of an integration tells the audit trail.

using System.Text.Json;
using System.Text.Json.Nodes;
using Dispatcher.Auditing;
using Dispatcher.Platform;

namespace Dispatcher.Integrations;

internal static class IntegrationChanges
{
    /// <summary>Members whose values may be kept. All others are told of by name: a member that is new here is not made public by being forgotten.</summary>
    private static readonly string[] Harmless =
    [
        "type", "events", "name", "project", "inbox", "enabled", "rate_limit_per_second", "max_concurrency", "timeout_seconds", "retry", "ordering", "signing",
    ];

    /// <summary>What distinguishes an integration, as a request that would make it, from what it was before (null: it was not).</summary>
    public static JsonObject Between(IntegrationRequest? before, IntegrationRequest after)
    {
        var (old, made) = (Members(before), Members(after));
        var changes = new Changes();
        foreach (var name in old.Select(m => m.Key).Union(made.Select(m => m.Key), StringComparer.Ordinal).ToList())
        {
            if (name is "headers" or "basic_auth") NoteNames(changes, name, old[name], made[name]);
            else if (name == "target") NoteTarget(changes, (string?)old[name], (string?)made[name]);
            else if (Harmless.Contains(name)) changes.Note(name, old[name], made[name]);
            else changes.NoteName(name, old[name], made[name]);
        }

        return changes.ToDetails();
    }

    /// <summary>An address without its query, where many receivers have their tokens.</summary>
    public static string WithoutQuery(string target) => target.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at ? target[..at] + "?…" : target;

    private static JsonObject Members(IntegrationRequest? request) => request is null ? [] :
        JsonSerializer.SerializeToNode(request, WireJson.Default.IntegrationRequest)!.AsObject();

    private static void NoteNames(Changes changes, string member, JsonNode? old, JsonNode? made)
    {
        var (before, after) = (old as JsonObject ?? [], made as JsonObject ?? []);
        foreach (var name in before.Select(m => m.Key).Union(after.Select(m => m.Key), StringComparer.OrdinalIgnoreCase).ToList())
            changes.NoteName($"{member}.{name}", before[name], after[name]);
    }

    private static void NoteTarget(Changes changes, string? old, string? made)
    {
        var (from, to) = (old is null ? null : WithoutQuery(old), made is null ? null : WithoutQuery(made));
        if (from != to) changes.Note("target", from, to);
        else changes.NoteName("target", old, made);
    }
}
