// JSON as people read it.

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dispatcher.Pages;

internal static class JsonText
{
    // Letters of all scripts stand as they are: what is shown is text, and the page encodes it.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The same JSON with a line for each member. Numbers keep their spelling.</summary>
    public static string Indent(JsonElement json)
    {
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, Options)) json.WriteTo(writer);
        return Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
    }

    /// <summary>The same of text; what cannot be read as JSON, such as half a surrogate pair, stays as it is.</summary>
    public static string Indent(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Indent(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return json;
        }
    }
}
