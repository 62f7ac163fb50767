// What an audit entry tells besides who, when and what, for people.

using System.Text.Json;

namespace Dispatcher.Dashboard;

/// <summary>A member that changed, or another fact of an entry.</summary>
/// <param name="Member">Its name.</param>
/// <param name="From">What it was before; null: nothing, or this is no change.</param>
/// <param name="To">What it is now; <c>none</c> where it was taken away, <c>changed</c> where values are not recorded.</param>
public sealed record AuditDetail(string Member, string? From, string To)
{
    /// <summary>The facts of an entry's details: the changes one by one, everything else as it is named there.</summary>
    internal static IEnumerable<AuditDetail> Of(JsonElement details)
    {
        if (details.ValueKind != JsonValueKind.Object) yield break;
        foreach (var fact in details.EnumerateObject())
        {
            if (fact is not { Name: "changes", Value.ValueKind: JsonValueKind.Array })
            {
                yield return new(fact.Name, null, TextOf(fact.Value) ?? "none");
                continue;
            }

            foreach (var change in fact.Value.EnumerateArray()) yield return OfChange(change);
        }
    }

    private static AuditDetail OfChange(JsonElement change)
    {
        var member = change.GetProperty("member").GetString()!;
        // Secret members are said to have changed, and no more.
        if (!change.TryGetProperty("to", out var to)) return new(member, null, "changed");
        return new(member, change.TryGetProperty("from", out var from) ? TextOf(from) : null, TextOf(to) ?? "none");
    }

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => string.Join(", ", value.EnumerateArray().Select(TextOf)),
        JsonValueKind.Object => string.Join(", ", value.EnumerateObject().Where(m => m.Value.ValueKind != JsonValueKind.Null).Select(m => $"{m.Name}: {TextOf(m.Value)}")),
        _ => value.GetRawText(),
    };
}
