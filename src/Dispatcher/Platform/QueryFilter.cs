// Reads the filters of a list from the query, and says which one is wrong.

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

    public void ThrowIfFaulty() => _faults.ThrowIfAny();

    private string? Get(string name)
    {
        string? text = query[name];
        return string.IsNullOrEmpty(text) ? null : text;
    }
}
