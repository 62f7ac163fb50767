// Goes through a request that cannot be read as a whole: names every member at fault, and keeps the others.

using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Dispatcher.Platform;

/// <summary>Checks a request member by member against the serializer's own description of its type.</summary>
internal static class RequestSieve
{
    /// <summary>The members of a JSON object that the type can be read from; what is wrong with the others is added to the faults.</summary>
    public static JsonObject Sift(JsonElement json, JsonTypeInfo type, Faults faults)
    {
        var kept = SiftObject(json, "", faults, type.Properties.ToDictionary(p => p.Name, p => TypeOf(p.PropertyType), StringComparer.Ordinal).GetValueOrDefault);
        faults.Settle();
        return kept;
    }

    /// <summary>Whether no object in it gives a member twice.</summary>
    public static bool IsFreeOfRepeats(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static JsonObject SiftObject(JsonElement json, string path, Faults faults, Func<string, JsonTypeInfo?> typeOf)
    {
        var kept = new JsonObject();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
        {
            var name = path.Length == 0 ? member.Name : $"{path}.{member.Name}";
            if (typeOf(member.Name) is not { } type) faults.Add(name, "is not a member of this request.");
            else if (!seen.Add(member.Name)) faults.Add(name, "is given twice.");
            else if (TryKeep(member.Value, type, name, faults, out var node)) kept[member.Name] = node;
        }

        return kept;
    }

    private static bool TryKeep(JsonElement json, JsonTypeInfo type, string path, Faults faults, out JsonNode? kept)
    {
        kept = null;
        if (json.ValueKind == JsonValueKind.Null && (!type.Type.IsValueType || Nullable.GetUnderlyingType(type.Type) is not null)) return true;
        switch (type.Kind, json.ValueKind)
        {
            case (JsonTypeInfoKind.Object, JsonValueKind.Object):
                var members = type.Properties.ToDictionary(p => p.Name, p => TypeOf(p.PropertyType), StringComparer.Ordinal);
                kept = SiftObject(json, path, faults, members.GetValueOrDefault);
                return true;
            case (JsonTypeInfoKind.Dictionary, JsonValueKind.Object):
                var values = TypeOf(type.ElementType!);
                kept = SiftObject(json, path, faults, _ => values);
                return true;
            case (JsonTypeInfoKind.Enumerable, JsonValueKind.Array):
                var items = TypeOf(type.ElementType!);
                // A bad item leaves its place empty, so that the others keep their numbers.
                kept = new JsonArray([.. json.EnumerateArray().Select((item, i) => TryKeep(item, items, $"{path}[{i}]", faults, out var node) ? node : null)]);
                return true;
            case (JsonTypeInfoKind.None, _) when IsReadable(json, type):
                kept = JsonNode.Parse(JsonMarshal.GetRawUtf8Value(json));
                if (json.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array) || IsFreeOfRepeats(JsonMarshal.GetRawUtf8Value(json).ToArray())) return true;
                faults.Add(path, "holds an object that gives a member twice.");
                return false;
            default:
                faults.Add(path, $"must be {Describe(type.Type)}.");
                return false;
        }
    }

    private static bool IsReadable(JsonElement json, JsonTypeInfo type)
    {
        try
        {
            _ = json.Deserialize(type);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static JsonTypeInfo TypeOf(Type type) => WireJson.Default.GetTypeInfo(type)!;

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return "a string";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int)) return $"a whole number, at most {int.MaxValue}";
        if (type == typeof(long)) return "a whole number";
        if (type == typeof(double)) return "a number";
        if (type == typeof(DateTimeOffset)) return "an RFC 3339 time with its offset, such as 2023-10-01T12:00:00Z";
        if (type.IsArray) return $"an array, each item {Describe(type.GetElementType()!)}";
        return "an object";
    }
}
