// What organizations and projects have in common: ids that callers choose, and lists in the order of creation.

using System.Globalization;
using Dispatcher.Platform;

namespace Dispatcher.Access;

internal static class Naming
{
    public static void Check(Faults faults, string? id, string? name)
    {
        Identifiers.CheckOptional(faults, "id", id);
        CheckName(faults, name);
    }

    /// <summary>The id and the name that a new one gets: a made id where none is given, the id for a name.</summary>
    public static (string Id, string Name) Choose(string? id, string? name, string prefix, TimeProvider time)
    {
        var chosen = id ?? Ids.New(prefix, time);
        return (chosen, name ?? chosen);
    }

    public static void CheckName(Faults faults, string? name) =>
        faults.Require(name is null or { Length: >= 1 and <= 200 }, "name", "must have 1 to 200 characters.");

    /// <summary>Where a page ended: callers choose these ids, so the time orders them, and the id only where the time is the same.</summary>
    public static string CursorOf(string id, DateTimeOffset createdAt) => $"{createdAt.UtcTicks} {id}";

    public static (DateTimeOffset At, string? Id) PlaceOf(PageQuery page)
    {
        if (page.After is not { } text) return (default, null);
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && long.TryParse(text.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var ticks)
            && ticks <= DateTimeOffset.MaxValue.Ticks && Identifiers.IsValid(text[(space + 1)..])
            ? (new DateTimeOffset(ticks, TimeSpan.Zero), text[(space + 1)..])
            : throw PageQuery.BadCursor();
    }

    public static ProblemException NoSuch(string what, string id) => Problem.NotFound($"There is no {what} \"{id}\".").AsException();
}
