// One webhook as `listen` shows it: some lines for people, or one line of JSON for programs.

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <param name="ReceivedAt">When its body was read.</param>
/// <param name="Path">Where it was sent to.</param>
/// <param name="EventType">From <c>dispatcher-event</c>.</param>
/// <param name="Attempt">From <c>dispatcher-attempt</c>.</param>
/// <param name="Id">From <c>webhook-id</c>, else from <c>svix-id</c>.</param>
/// <param name="Signature">What the check of the signature found.</param>
/// <param name="Body">The body as received.</param>
internal sealed record ReceivedWebhook(
    DateTimeOffset ReceivedAt, string Path, string? EventType, int? Attempt, string? Id, SignatureCheck Signature, byte[] Body)
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    public static ReceivedWebhook Read(HttpRequest request, byte[] body, WebhookVerifier? verifier, DateTimeOffset receivedAt) => new(
        receivedAt,
        request.Path,
        Header(request, "dispatcher-event"),
        int.TryParse(Header(request, "dispatcher-attempt"), CultureInfo.InvariantCulture, out var attempt) ? attempt : null,
        Header(request, "webhook-id") ?? Header(request, "svix-id"),
        SignatureCheck.Of(verifier, name => Header(request, name), body),
        body);

    public string ToText()
    {
        var text = new StringBuilder()
            .Append(ReceivedAt.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture))
            .Append("  ").Append(EventType is null ? "(no dispatcher-event)" : Terminal.Safe(EventType))
            .Append("  attempt ").Append(Attempt?.ToString(CultureInfo.InvariantCulture) ?? "?")
            .Append("  ").AppendLine(Id is null ? "(no webhook-id)" : Terminal.Safe(Id))
            .Append("  signature: ").AppendLine(Signature.ToString());
        foreach (var line in ReadableBody().Split('\n'))
            text.Append("  ").AppendLine(Terminal.Safe(line));
        return text.ToString();
    }

    public string ToJsonLine() => WriteJson(indented: false, json =>
    {
        json.WriteStartObject();
        json.WriteString("received_at", ReceivedAt.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        json.WriteString("path", Path);
        json.WriteString("event", EventType);
        if (Attempt is { } attempt)
            json.WriteNumber("attempt", attempt);
        else
            json.WriteNull("attempt");
        json.WriteString("id", Id);
        json.WriteString("signature", Signature.Name);
        json.WriteString("reason", Signature.Failure?.Reason.ToString());
        json.WritePropertyName("body");
        if (TryParseBody(out var document))
        {
            using (document)
                document.RootElement.WriteTo(json);
        }
        else
        {
            json.WriteStringValue(Encoding.UTF8.GetString(Body));
        }

        json.WriteEndObject();
    });

    private string ReadableBody()
    {
        if (!TryParseBody(out var document))
            return Encoding.UTF8.GetString(Body);
        using (document)
            return WriteJson(indented: true, document.RootElement.WriteTo);
    }

    private bool TryParseBody([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out JsonDocument? document)
    {
        try
        {
            document = JsonDocument.Parse(Body);
            return true;
        }
        catch (JsonException)
        {
            document = null;
            return false;
        }
    }

    /// <summary>Letters of every script stay readable; control characters are still escaped.</summary>
    private static string WriteJson(bool indented, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var options = new JsonWriterOptions { Indented = indented, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
            write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static string? Header(HttpRequest request, string name) =>
        request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;
}

/// <summary>What checking a webhook's signature found.</summary>
/// <param name="Name"><c>valid</c>, <c>invalid</c> or <c>not_checked</c>.</param>
/// <param name="Failure">Why it is invalid.</param>
internal sealed record SignatureCheck(string Name, WebhookVerificationException? Failure)
{
    public static SignatureCheck Of(WebhookVerifier? verifier, Func<string, string?> header, byte[] body)
    {
        if (verifier is null)
            return new SignatureCheck("not_checked", null);
        return verifier.TryVerify(header, body, out _, out var failure)
            ? new SignatureCheck("valid", null)
            : new SignatureCheck("invalid", failure);
    }

    public override string ToString() => Failure is not null ? $"INVALID ({Failure.Reason}: {Failure.Message})" : Name.Replace('_', ' ');
}
