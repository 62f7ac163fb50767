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

    /// <summary>Adds a value that is used elsewhere in the query, and gives its placeholder.</summary>
    public string Value(object value)
    {
        _values.Add(value);
        return $"${_values.Count}";
    }

    public override string ToString() => _conditions.Count == 0 ? "true" : string.Join(" AND ", _conditions);

    public NpgsqlCommand ToCommand(NpgsqlDataSource source, string sql)
    {
        var command = source.CreateCommand(sql);
        foreach (var value in _values) command.Parameters.AddWithValue(value);
        return command;
    }
}
