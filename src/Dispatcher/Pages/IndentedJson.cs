// JSON as people read it: one member a line.

using System.Buffers;
using System.Text;
using System.Text.Json;
using Dispatcher.Platform;

namespace Dispatcher.Pages;

/// <summary>
/// Puts line breaks and indentation into JSON, and changes nothing else of it: numbers and escapes keep their spelling, so that what is
/// read here is what the receiver got.
/// </summary>
internal static class IndentedJson
{
    /// <summary>More is not shown indented: what is deep grows with every line.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>The text indented; null where the bytes are no JSON, or too many.</summary>
    public static string? Of(ReadOnlySpan<byte> json)
    {
        if (json.Length > MaxBytes) return null;
        var text = new ArrayBufferWriter<byte>(json.Length * 2);
        try
        {
            return TryIndent(json, text) ? Encoding.UTF8.GetString(text.WrittenSpan) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool TryIndent(ReadOnlySpan<byte> json, ArrayBufferWriter<byte> text)
    {
        var reader = new Utf8JsonReader(json, RequestBody.AnyDepth);
        var before = JsonTokenType.None;
        while (reader.Read())
        {
            var token = reader.TokenType;
            var isFirst = before is JsonTokenType.None or JsonTokenType.StartObject or JsonTokenType.StartArray;
            var isEnd = token is JsonTokenType.EndObject or JsonTokenType.EndArray;
            if (before != JsonTokenType.PropertyName)
            {
                if (!isFirst && !isEnd) text.Write(","u8);
                if (before != JsonTokenType.None && !(isFirst && isEnd)) Break(text, reader.CurrentDepth);
            }

            Write(text, token, reader.ValueSpan);
            if (text.WrittenCount > MaxBytes) return false;
            before = token;
        }

        return true;
    }

    private static void Write(ArrayBufferWriter<byte> text, JsonTokenType token, ReadOnlySpan<byte> value)
    {
        var isText = token is JsonTokenType.String or JsonTokenType.PropertyName;
        if (isText) text.Write("\""u8);
        text.Write(value);
        if (isText) text.Write("\""u8);
        if (token == JsonTokenType.PropertyName) text.Write(": "u8);
    }

    private static void Break(ArrayBufferWriter<byte> text, int depth)
    {
        text.Write("\n"u8);
        text.GetSpan(depth * 2)[..(depth * 2)].Fill((byte)' ');
        text.Advance(depth * 2);
    }
}
