// JSON that is shown exactly as it was given.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Platform;

/// <summary>
/// JSON text, written byte for byte. It was checked when it came in, and is neither parsed nor written anew: that would change its
/// spelling, and fails on what is JSON by its grammar alone, such as half a surrogate pair.
/// </summary>
[JsonConverter(typeof(RawJsonConverter))]
internal readonly record struct RawJson(byte[] Utf8);

internal sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Requests are not read into raw JSON.");

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8, skipInputValidation: true);
}
