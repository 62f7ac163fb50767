// What a change changed, for the details of an entry: old and new value of what is harmless, the name alone of what is not.

using System.Text.Json.Nodes;

namespace Dispatcher.Auditing;

/// <summary>The <c>changes</c> of an entry. Members are named as on the wire.</summary>
internal sealed class Changes
{
    private readonly JsonArray _list = [];

    /// <summary>Notes a member with both values, if they differ.</summary>
    public Changes Note(string member, JsonNode? from, JsonNode? to)
    {
        if (!JsonNode.DeepEquals(from, to))
            _list.Add(new JsonObject { ["member"] = member, ["from"] = from?.DeepClone(), ["to"] = to?.DeepClone() });
        return this;
    }

    /// <summary>Notes that a member changed whose values are not to be kept: secrets, and what is a customer's own.</summary>
    public Changes NoteName(string member, JsonNode? from, JsonNode? to)
    {
        if (!JsonNode.DeepEquals(from, to)) _list.Add(new JsonObject { ["member"] = member });
        return this;
    }

    /// <summary>To be called once.</summary>
    public JsonObject ToDetails() => new() { ["changes"] = _list };
}
