// Parses request bodies, with errors that name the member.

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Dispatcher.Platform;

internal static class RequestBody
{
    /// <summary>How many objects and arrays may stand within one another, in a body and in an event's payload.</summary>
    public const int MaxDepth = 64;

    /// <summary>For readers that have to come past what is too deep, to say so or to go on behind it. They do not recurse.</summary>
    public static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    /// <exception cref="ProblemException">400 where it is no JSON object; 422, naming every member that is unknown or has the wrong type.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json) where T : class
    {
        var (value, faults) = Read<T>(json);
        faults.ThrowIfAny();
        return value;
    }

    /// <summary>Reads what can be read, and collects what cannot: so that what rules have to say of the rest comes in the same answer.</summary>
    /// <exception cref="ProblemException">400, where it is no JSON object.</exception>
    public static (T Value, Faults Faults) Read<T>(ReadOnlySpan<byte> json) where T : class
    {
        var type = (JsonTypeInfo<T>)WireJson.Default.GetTypeInfo(typeof(T))!;
        var (kept, faults) = ReadMembers(json, type);
        return (kept.Value ?? kept.Members!.Deserialize(type)!, faults);
    }

    /// <summary>The same for a body whose members count as they stand there, null and absent being different.</summary>
    public static (JsonObject Members, Faults Faults) ReadMembers<T>(ReadOnlySpan<byte> json) where T : class
    {
        var (kept, faults) = ReadMembers(json, (JsonTypeInfo<T>)WireJson.Default.GetTypeInfo(typeof(T))!);
        return (kept.Members ?? JsonNode.Parse(json)!.AsObject(), faults);
    }

    /// <summary>Either the whole as its type, or, where that fails, the members that can be read.</summary>
    private static ((T? Value, JsonObject? Members) Kept, Faults Faults) ReadMembers<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type) where T : class
    {
        if (FindUnstorable(json) is { } unstorable) throw unstorable.AsException();
        try
        {
            var value = JsonSerializer.Deserialize(json, type) ?? throw Problem.Malformed("The body must be a JSON object, not null.").AsException();
            if (RequestSieve.IsFreeOfRepeats(json.ToArray())) return ((value, null), new Faults());
        }
        catch (JsonException)
        {
            if (FindMalformation(json) is { } malformed) throw malformed.AsException();
        }

        using var document = JsonDocument.Parse(json.ToArray());
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw Problem.Malformed("The body must be a JSON object.").AsException();
        var faults = new Faults();
        return ((null, RequestSieve.Sift(document.RootElement, type, faults)), faults);
    }

    /// <summary>
    /// Finds text that is JSON by its grammar and yet cannot be stored or written again: bytes that are not UTF-8, half a surrogate
    /// pair, U+0000. Null when there is none, and when the body is not JSON at all.
    /// </summary>
    private static Problem? FindUnstorable(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return Problem.Malformed("The body is not UTF-8.");
        if (json.IndexOf("\\u"u8) < 0) return null;
        var member = "body";
        var reader = new Utf8JsonReader(json, AnyDepth);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) continue;
                if (reader.ValueIsEscaped && !IsStorable(ref reader)) return Problem.Invalid(member, "must not hold U+0000 or half a surrogate pair.");
                if (reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 }) member = reader.GetString()!;
            }
        }
        catch (JsonException)
        {
            // Said better by whoever parses it.
        }

        return null;
    }

    private static bool IsStorable(ref Utf8JsonReader reader)
    {
        try
        {
            return !reader.GetString()!.Contains('\0', StringComparison.Ordinal);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Says where JSON text stops being JSON, or is nested too deep; null when it is well-formed.</summary>
    public static Problem? FindMalformation(ReadOnlySpan<byte> json, int maxDepth = MaxDepth)
    {
        try
        {
            var reader = new Utf8JsonReader(json, AnyDepth);
            while (reader.Read())
            {
                if (IsTooDeep(ref reader, maxDepth)) return Problem.Malformed($"The body is nested deeper than {maxDepth} levels.");
            }

            return null;
        }
        catch (JsonException e)
        {
            return Problem.Malformed($"The body is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.");
        }
    }

    /// <summary>Whether the reader stands at the beginning of an object or array that has so many around it.</summary>
    public static bool IsTooDeep(ref Utf8JsonReader reader, int levels) =>
        reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && reader.CurrentDepth >= levels;
}
