// Reads the filters of a list from the query, and says which one is wrong.

using System.Globalization;
using Dispatcher.Access;

namespace Dispatcher.Platform;

internal sealed class QueryFilter(IQueryCollection query)
{
    private readonly Faults _faults = new();

    public string? Identifier(string name) => Text(name, Identifiers.IsValid, Identifiers.Rule);

    public string? Text(string name, Func<string, bool> isValid, string rule)
    {
        if (Get(name) is not { } text || isValid(text)) return Get(name);
        _faults.Add(name, rule + ".");
        return null;
    }

    public Guid? Id(string name, string prefix)
    {
        if (Get(name) is not { } text) return null;
        if (Ids.TryParse(prefix, text, out var id)) return id;
        _faults.Add(name, $"must be an id that begins with \"{prefix}\".");
        return null;
    }

    public DateTimeOffset? Time(string name)
    {
        if (Get(name) is not { } text) return null;
        // In a query an unescaped "+" of an offset arrives as a space.
        if (Rfc3339Converter.TryParse(text.Replace(' ', '+'), out var time)) return time;
        _faults.Add(name, "must be an RFC 3339 time with its offset, such as 2023-10-01T12:00:00Z.");
        return null;
    }

    /// <summary>A whole number in a range. An empty one is wrong, as it is for the <c>limit</c> of a list.</summary>
    public int? Number(string name, int minimum, int maximum)
    {
        if (query[name] is not { Count: > 0 } text) return null;
        if (int.TryParse((string?)text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= minimum && number <= maximum) return number;
        _faults.Add(name, $"must be a whole number from {minimum} to {maximum}.");
        return null;
    }

    public void ThrowIfFaulty() => _faults.ThrowIfAny();

    /// <summary>What is wrong with what was read so far, by name.</summary>
    public IReadOnlyDictionary<string, string[]> Errors => _faults.ToProblem().Errors!;

    /// <summary>Notes that a filter is wrong in a way of its own.</summary>
    public void Refuse(string name, string message) => _faults.Add(name, message);

    private string? Get(string name)
    {
        string? text = query[name];
        return string.IsNullOrEmpty(text) ? null : text;
    }
}
