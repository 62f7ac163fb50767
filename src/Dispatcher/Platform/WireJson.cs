// JSON on the wire: snake_case, RFC 3339 times in UTC, unknown and repeated members refused, serializers generated at compile time.

using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Deliveries;
using Dispatcher.Events;
using Dispatcher.Integrations;
using Dispatcher.Jobs;
using Dispatcher.Operating;
using Dispatcher.Recoveries;
using Dispatcher.Statistics;

namespace Dispatcher.Platform;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(NoMembers))]
[JsonSerializable(typeof(ApiKeyRequest))]
[JsonSerializable(typeof(ApiKeyCreated))]
[JsonSerializable(typeof(ApiKeyView))]
[JsonSerializable(typeof(Page<ApiKeyView>))]
[JsonSerializable(typeof(OrganizationRequest))]
[JsonSerializable(typeof(OrganizationChange))]
[JsonSerializable(typeof(OrganizationView))]
[JsonSerializable(typeof(Page<OrganizationView>))]
[JsonSerializable(typeof(NamedRequest))]
[JsonSerializable(typeof(NamedView))]
[JsonSerializable(typeof(Page<NamedView>))]
[JsonSerializable(typeof(PortalLinkRequest))]
[JsonSerializable(typeof(PortalLink))]
[JsonSerializable(typeof(PortalSessionView))]
[JsonSerializable(typeof(Page<PortalSessionView>))]
[JsonSerializable(typeof(IntegrationRequest))]
[JsonSerializable(typeof(IntegrationView))]
[JsonSerializable(typeof(IntegrationCreated))]
[JsonSerializable(typeof(Page<IntegrationView>))]
[JsonSerializable(typeof(SecretView))]
[JsonSerializable(typeof(RotateRequest))]
[JsonSerializable(typeof(TestRequest))]
[JsonSerializable(typeof(PublishRequest))]
[JsonSerializable(typeof(PublishAnswer))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(EventView))]
[JsonSerializable(typeof(EventDetail))]
[JsonSerializable(typeof(Page<EventView>))]
[JsonSerializable(typeof(JobPayload))]
[JsonSerializable(typeof(WorkflowPayload))]
[JsonSerializable(typeof(DeliveryExhaustedPayload))]
[JsonSerializable(typeof(IntegrationDisabledPayload))]
[JsonSerializable(typeof(EventTypeRequest))]
[JsonSerializable(typeof(EventTypeView))]
[JsonSerializable(typeof(Page<EventTypeView>))]
[JsonSerializable(typeof(JobRequest))]
[JsonSerializable(typeof(JobMove))]
[JsonSerializable(typeof(JobView))]
[JsonSerializable(typeof(JobBatchRequest))]
[JsonSerializable(typeof(JobBatchAnswer))]
[JsonSerializable(typeof(DeliveryView))]
[JsonSerializable(typeof(DeliveryDetail))]
[JsonSerializable(typeof(Page<DeliveryView>))]
[JsonSerializable(typeof(Page<ServerDelivery>))]
[JsonSerializable(typeof(IntegrationStats))]
[JsonSerializable(typeof(ServerStats))]
[JsonSerializable(typeof(FailingIntegrations))]
[JsonSerializable(typeof(SpanRequest))]
[JsonSerializable(typeof(TaskView))]
[JsonSerializable(typeof(Page<TaskView>))]
[JsonSerializable(typeof(BulkRequest))]
[JsonSerializable(typeof(BulkCountView))]
[JsonSerializable(typeof(BulkTaskView))]
[JsonSerializable(typeof(Page<BulkTaskView>))]
[JsonSerializable(typeof(NodeView))]
[JsonSerializable(typeof(Page<NodeView>))]
[JsonSerializable(typeof(SettingsView))]
[JsonSerializable(typeof(AuditView))]
[JsonSerializable(typeof(Page<AuditView>))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class WireJson : JsonSerializerContext
{
    /// <summary>
    /// As <see cref="Default"/>, with quotes and letters as themselves: answers are JSON, never part of a page. What came in as deep as it
    /// may stands deeper in an answer, with a page around it.
    /// </summary>
    public static WireJson Wire => field ??= new(new JsonSerializerOptions(Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 2 * RequestBody.MaxDepth,
    });

    /// <summary>Has Minimal APIs write their answers the same way.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = Wire.Options.PropertyNamingPolicy;
        options.Encoder = Wire.Options.Encoder;
        // A caller's own JSON may be as deep as a request may be, and lies deeper in a list.
        options.MaxDepth = Wire.Options.MaxDepth;
        options.NumberHandling = JsonNumberHandling.Strict;
        foreach (var converter in Wire.Options.Converters) options.Converters.Add(converter);
        options.TypeInfoResolverChain.Insert(0, Default);
    }
}

/// <summary>Writes instants as <c>2023-10-01T12:00:00.000Z</c>; reads any RFC 3339 instant, which must carry its offset.</summary>
internal sealed partial class Rfc3339Converter : JsonConverter<DateTimeOffset>
{
    public const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    public static string ToText(DateTimeOffset value) => value.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>Parses RFC 3339, section 5.6, and nothing looser. Leap seconds, which no clock here knows, are refused.</summary>
    public static bool TryParse(string? text, out DateTimeOffset value)
    {
        // A time without an offset would mean the server's zone here and the client's there: refused.
        value = default;
        if (text is null || Shape().Match(text) is not { Success: true } match) return false;
        // What is finer than a tick is cut off: rounded up, the last instant of all would be none.
        var ticks = match.Groups["fraction"].ValueSpan is { Length: > 8 } fraction ? fraction[..8] : match.Groups["fraction"].ValueSpan;
        return DateTimeOffset.TryParse(
            string.Concat(match.Groups["date"].ValueSpan, ticks, match.Groups["offset"].ValueSpan),
            CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out value);
    }

    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && TryParse(reader.GetString(), out var value)
            ? value.ToUniversalTime()
            : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(ToText(value));

    [GeneratedRegex(@"\A(?<date>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})(?<fraction>\.[0-9]+)?(?<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Shape();
}
