// JSON as people read and write it.

using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dispatcher.Pages.Integrations;

internal static class IndentedJson
{
    // Pages encode all that they show: here quotes and letters may be themselves.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An object, a line a member; empty where it has none.</summary>
    public static string Of(string json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind == JsonValueKind.Object && !document.RootElement.EnumerateObject().MoveNext()) return "";
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, Options)) document.RootElement.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(text.ToArray());
    }
}
