// A JSON value that keeps the bytes it was made of: what the customer's receiver gets is what the producer wrote.

using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Dispatcher.Client;

/// <summary>
/// One JSON value as UTF-8 bytes, sent exactly as given: member order, number format and inner white space are kept.
/// White space around the value is dropped, because it is no part of it.
/// </summary>
[JsonConverter(typeof(JsonPayloadConverter))]
public sealed class JsonPayload
{
    private JsonPayload(ReadOnlyMemory<byte> utf8) => Utf8 = utf8;

    /// <summary>The value's bytes.</summary>
    public ReadOnlyMemory<byte> Utf8 { get; }

    /// <summary>
    /// Takes bytes that already are JSON. They are not copied: leave them alone until the call that sends them has ended.
    /// </summary>
    /// <exception cref="ArgumentException">The bytes are not exactly one JSON value.</exception>
    public static JsonPayload FromUtf8(ReadOnlyMemory<byte> utf8)
    {
        var value = utf8.Trim(" \t\r\n"u8);
        try
        {
            var reader = new Utf8JsonReader(value.Span);
            while (reader.Read())
            {
            }
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"The payload is not JSON: {e.Message}", nameof(utf8), e);
        }

        return new JsonPayload(value);
    }

    /// <summary>Takes a text that already is JSON.</summary>
    /// <exception cref="ArgumentException">The text is not exactly one JSON value.</exception>
    public static JsonPayload FromText(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return FromUtf8(Encoding.UTF8.GetBytes(json));
    }

    /// <summary>Takes an element with the bytes that it was parsed from.</summary>
    /// <exception cref="ArgumentException">The element is undefined.</exception>
    public static JsonPayload FromElement(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Undefined)
            throw new ArgumentException("The element is undefined: it was never parsed.", nameof(element));
        return new JsonPayload(JsonMarshal.GetRawUtf8Value(element).ToArray());
    }

    /// <summary>
    /// Serializes <paramref name="value"/> once, now. The metadata comes from the caller's own <see cref="JsonSerializerContext"/>.
    /// </summary>
    public static JsonPayload From<T>(T value, JsonTypeInfo<T> typeInfo) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, typeInfo));

    /// <summary>The JSON text.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);
}

internal sealed class JsonPayloadConverter : JsonConverter<JsonPayload>
{
    public override JsonPayload Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonPayload.FromElement(JsonElement.ParseValue(ref reader));

    // Every way to make a JsonPayload has proven it to be JSON already.
    public override void Write(Utf8JsonWriter writer, JsonPayload value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
}
