// Conditions of a hand-written query that depend on what was asked for.

using Npgsql;

namespace Dispatcher.Platform;

/// <summary>Collects conditions and their parameters. Text only ever comes from our own source; values are always parameters.</summary>
internal sealed class Where
{
    private readonly List<string> _conditions = [];
    private readonly List<object> _values;

    public Where() => _values = [];

    /// <summary>Further conditions for another place of the same query: the two share their parameters.</summary>
    public Where(Where other) => _values = other._values;

    /// <summary>Adds a condition, in which {0} stands for the value; nothing when there is no value.</summary>
    public Where And(string condition, object? value)
    {
        if (value is null) return this;
        _values.Add(value);
        _conditions.Add(condition.Replace("{0}", $"${_values.Count}", StringComparison.Ordinal));
        return this;
    }

    public Where And(string condition)
    {
        _conditions.Add(condition);
        return this;
    }

    /// <summary>Adds the bounds of a list by UUIDv7 ids: from a time on, before a time, below an id.</summary>
    /// <remarks>
    /// The one exception: ids of our own formatting stand in the text. As parameters of a statement that is kept prepared they would be
    /// unknown to the planner, which then takes any range for a tiny one, reads all of it and sorts.
    /// </remarks>
    public Where AndIds(string alias, DateTimeOffset? since, DateTimeOffset? until, Guid? below)
    {
        if (since is { } from) And($"{alias}.id >= '{Ids.Floor(from):D}'");
        if (until is { } to) And($"{alias}.id < '{Ids.Floor(to):D}'");
        if (below is { } id) And($"{alias}.id < '{id:D}'");
        return this;
    }

    /// <summary>Adds a value that is used elsewhere in the query, and gives its placeholder.</summary>
    public string Value(object value)
    {
        _values.Add(value);
        return $"${_values.Count}";
    }

    public bool IsEmpty => _conditions.Count == 0;

    public override string ToString() => _conditions.Count == 0 ? "true" : string.Join(" AND ", _conditions);

    public NpgsqlCommand ToCommand(NpgsqlDataSource source, string sql)
    {
        var command = source.CreateCommand(sql);
        foreach (var value in _values) command.Parameters.AddWithValue(value);
        return command;
    }
}
