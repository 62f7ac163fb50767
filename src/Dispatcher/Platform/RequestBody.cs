// Parses request bodies, with errors that name the member.

using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Dispatcher.Platform;

internal static class RequestBody
{
    /// <summary>How many objects and arrays may stand within one another, in a body and in an event's payload.</summary>
    public const int MaxDepth = 64;

    /// <summary>For readers that have to come past what is too deep, to say so or to go on behind it. They do not recurse.</summary>
    public static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    public static T Parse<T>(ReadOnlySpan<byte> json) where T : class
    {
        var type = (JsonTypeInfo<T>)WireJson.Default.GetTypeInfo(typeof(T))!;
        if (FindUnstorable(json) is { } unstorable) throw unstorable.AsException();
        try
        {
            var value = JsonSerializer.Deserialize(json, type) ?? throw Problem.Malformed("The body must be a JSON object, not null.").AsException();
            return FindRepeat(json) is { } repeat ? throw repeat.AsException() : value;
        }
        catch (JsonException e)
        {
            throw Explain(json, e, type).AsException();
        }
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

    /// <summary>Finds a repeated member inside what is the caller's own JSON; the serializer finds those of its own types.</summary>
    private static Problem? FindRepeat(ReadOnlySpan<byte> json)
    {
        var copy = json.ToArray();
        if (IsFreeOfRepeats(copy)) return null;
        using var document = JsonDocument.Parse(copy);
        var member = document.RootElement.EnumerateObject().First(m => !IsFreeOfRepeats(JsonMarshal.GetRawUtf8Value(m.Value).ToArray()));
        return Problem.Invalid(member.Name, "holds an object that gives a member twice.");
    }

    private static bool IsFreeOfRepeats(byte[] json)
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

    private static Problem Explain(ReadOnlySpan<byte> json, JsonException error, JsonTypeInfo type)
    {
        if (FindMalformation(json) is { } malformed) return malformed;

        using var document = JsonDocument.Parse(json.ToArray());
        if (document.RootElement.ValueKind != JsonValueKind.Object) return Problem.Malformed("The body must be a JSON object.");

        var faults = new Faults();
        var known = type.Properties.ToDictionary(p => p.Name, StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in document.RootElement.EnumerateObject())
        {
            if (!known.ContainsKey(member.Name)) faults.Add(member.Name, "is not a member of this request.");
            else if (!seen.Add(member.Name)) faults.Add(member.Name, "is given twice.");
        }

        if (!faults.Any)
        {
            var path = (error.Path ?? "$").TrimStart('$').TrimStart('.');
            var top = path.Split('.', '[')[0];
            faults.Add(
                path.Length > 0 ? path : "body",
                path == top && known.TryGetValue(top, out var property) ? $"must be {Describe(property.PropertyType)}." : "is unknown or not of the right type.");
        }

        return faults.ToProblem();
    }

    private static string Describe(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string)) return "a string";
        if (type == typeof(bool)) return "true or false";
        if (type == typeof(int) || type == typeof(long)) return "a whole number";
        if (type == typeof(double)) return "a number";
        if (type == typeof(DateTimeOffset)) return "an RFC 3339 time with its offset, such as 2023-10-01T12:00:00Z";
        if (type.IsArray) return $"an array, each item {Describe(type.GetElementType()!)}";
        return "an object";
    }
}
