// Integrations as they stand on the wire.

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Integrations;

/// <summary>An integration as it is asked for. POST and PUT take it whole; PATCH merges its members into what is there (RFC 7396).</summary>
/// <param name="Type">What it is: <c>webhook</c>.</param>
/// <param name="Events">1 to 100 event types: exact, <c>*</c> for all, or leading words with <c>.*</c>, such as <c>job.*</c>.</param>
/// <param name="Target">Where its POSTs go: an absolute http or https URL of at most 2,048 characters, without user name and fragment. Only https where the server is so configured.</param>
/// <param name="Name">What people call it, 1 to 200 characters.</param>
/// <param name="Headers">Static headers sent with every POST: at most 32, values at most 4,096 bytes. Read back masked; a masked value sent back keeps what is there, and is refused where nothing is.</param>
/// <param name="BasicAuth">Has every POST sent with <c>Authorization: Basic …</c>. Not together with a header of that name.</param>
/// <param name="Project">Only events of this project. Default: all of the organization.</param>
/// <param name="Inbox">Only events of this inbox. Default: all.</param>
/// <param name="Enabled">Default true. While false nothing is sent, and what waits goes on waiting.</param>
/// <param name="RateLimitPerSecond">POSTs a second at most, over all nodes: 1 to 100,000. Default: no limit.</param>
/// <param name="MaxConcurrency">POSTs under way at once at most, over all nodes: 1 to 1,000. Default: 64 on each node, unless configured.</param>
/// <param name="TimeoutSeconds">How long an attempt may take, the answer's body included, in seconds: 0.1 to 300. Default: the server's, 15 unless configured.</param>
/// <param name="Retry">When a failed delivery is tried again. Default: the server's schedule.</param>
/// <param name="Ordering"><c>none</c> (the default), or <c>by_key</c>: deliveries of one ordering key go one at a time, in the order of acceptance.</param>
/// <param name="Metadata">The customer's own JSON object, at most 16 KiB. Default: empty.</param>
/// <param name="Signing"><c>hmac</c> (the default: <c>v1</c> signatures, with a secret that both sides have) or <c>ed25519</c> (<c>v1a</c>: the receiver has only a public key). Cannot be changed.</param>
internal sealed record IntegrationRequest(
    [property: Required, AllowedValues("webhook"), Example("webhook")] string? Type,
    [property: Required, Length(1, 100), Example("""["job.*","document_predict"]""")] string[]? Events,
    [property: Required, StringLength(2048, MinimumLength = 1), RegularExpression("^[Hh][Tt][Tt][Pp][Ss]?://"), Example(Examples.Target)] string? Target,
    [property: StringLength(200, MinimumLength = 1), Example("ERP")] string? Name = null,
    [property: MaxLength(32), Example("""{"X-Api-Token":"abcdefg"}""")] Dictionary<string, string>? Headers = null,
    BasicAuth? BasicAuth = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Inbox)] string? Inbox = null,
    [property: DefaultValue(true), Example(true)] bool? Enabled = null,
    [property: Range(1, 100_000), Example(50)] int? RateLimitPerSecond = null,
    [property: Range(1, 1000), Example(20)] int? MaxConcurrency = null,
    [property: Range(0.1, 300), Example(15)] double? TimeoutSeconds = null,
    RetrySettings? Retry = null,
    [property: AllowedValues("none", "by_key"), DefaultValue("none"), Example("none")] string? Ordering = null,
    [property: Example("""{"team":"erp"}""")] JsonElement? Metadata = null,
    [property: AllowedValues("hmac", "ed25519"), DefaultValue("hmac"), Example("hmac")] string? Signing = null);

/// <summary>HTTP basic authentication.</summary>
/// <param name="Username">1 to 500 characters, none of them <c>:</c> or a control character.</param>
/// <param name="Password">At most 500 characters, no control characters. Reads back masked; the mask sent back keeps the password that is there.</param>
internal sealed record BasicAuth(
    [property: Required, StringLength(500, MinimumLength = 1), RegularExpression(@"^[^:\u0000-\u001f\u007f-\u009f]+$"), Example("dispatcher")] string? Username,
    [property: Required, MaxLength(500), Example("correct horse battery staple")] string? Password);

/// <summary>When a failed delivery is tried again.</summary>
/// <param name="BaseSeconds">The wait after the first failed attempt, in seconds, doubled after each further one. Above 0, at most 3,600. Default: the server's, 2 unless configured.</param>
/// <param name="MaxAttempts">Attempts in all, 1 to 10. Default: the server's, 10 unless configured.</param>
internal sealed record RetrySettings(
    [property: Range(0d, 3600d, MinimumIsExclusive = true), Example(2)] double? BaseSeconds = null,
    [property: Range(1, 10), Example(10)] int? MaxAttempts = null);

/// <summary>An integration as it reads back.</summary>
/// <param name="Id">Its id; it sorts by the time it was made.</param>
/// <param name="Type">What it is: <c>webhook</c>.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Events">The event types it gets: exact, <c>*</c>, or leading words with <c>.*</c>.</param>
/// <param name="Target">Where its POSTs go.</param>
/// <param name="Headers">The static headers sent with every POST, their values masked.</param>
/// <param name="BasicAuth">The basic authentication sent with every POST, the password masked; absent where there is none.</param>
/// <param name="Project">Only events of this project reach it; null: of all.</param>
/// <param name="Inbox">Only events of this inbox reach it; null: of all.</param>
/// <param name="Enabled">Whether anything is sent to it.</param>
/// <param name="DisabledReason">Why the server disabled it: <c>gone</c>, its receiver answered 410; <c>failing</c>, nothing arrived for days. Null when it is enabled, or a person disabled it.</param>
/// <param name="RateLimitPerSecond">POSTs a second at most; null: no limit.</param>
/// <param name="MaxConcurrency">POSTs under way at once at most; null: the server's setting.</param>
/// <param name="TimeoutSeconds">How long an attempt may take, in seconds.</param>
/// <param name="Retry">When a failed delivery is tried again.</param>
/// <param name="Ordering"><c>none</c>, or <c>by_key</c>: deliveries of one ordering key go one at a time, in the order of acceptance.</param>
/// <param name="Signing">How its deliveries are signed: <c>hmac</c> (<c>v1</c>) or <c>ed25519</c> (<c>v1a</c>).</param>
/// <param name="Metadata">The customer's own JSON object.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal record IntegrationView(
    [property: Example(Examples.Integration)] string Id,
    [property: AllowedValues("webhook"), Example("webhook")] string Type,
    [property: Example("ERP")] string? Name,
    [property: Example("""["job.*","document_predict"]""")] string[] Events,
    [property: Example(Examples.Target)] string Target,
    [property: Example("""{"X-Api-Token":"********"}""")] IReadOnlyDictionary<string, string> Headers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] BasicAuth? BasicAuth,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.Inbox)] string? Inbox,
    [property: Example(true)] bool Enabled,
    [property: AllowedValues("gone", "failing"), Example("gone")] string? DisabledReason,
    [property: Example(50)] int? RateLimitPerSecond,
    [property: Example(20)] int? MaxConcurrency,
    [property: Example(15)] double TimeoutSeconds,
    RetrySettings Retry,
    [property: AllowedValues("none", "by_key"), Example("none")] string Ordering,
    [property: AllowedValues("hmac", "ed25519"), Example("hmac")] string Signing,
    [property: Example("""{"team":"erp"}""")] JsonElement Metadata,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example(Examples.Time)] DateTimeOffset UpdatedAt);

/// <summary>A new integration.</summary>
internal sealed record IntegrationCreated : IntegrationView
{
    public IntegrationCreated(IntegrationView view, string secret) : base(view) => Secret = secret;

    /// <summary>What its receiver verifies with: <c>whsec_</c> and base64; for <c>ed25519</c> the public key, <c>whpk_</c> and base64. Shown here, and to admins at <c>/integrations/{id}/secret</c>.</summary>
    [JsonPropertyOrder(1)]
    [Example(Examples.Secret)]
    public string Secret { get; }
}

/// <summary>The signing secrets of an integration; for <c>ed25519</c> the public keys.</summary>
/// <param name="Secret">The current one.</param>
/// <param name="CreatedAt">Since when it signs.</param>
/// <param name="Expiring">Those before it that still sign too, newest first.</param>
internal sealed record SecretView(
    [property: Example(Examples.Secret)] string Secret,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    IReadOnlyList<ExpiringSecret> Expiring);

/// <summary>A secret in its grace.</summary>
/// <param name="Secret">The secret.</param>
/// <param name="ExpiresAt">When it stops signing.</param>
internal sealed record ExpiringSecret(
    [property: Example("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")] string Secret,
    [property: Example(Examples.NextDay)] DateTimeOffset ExpiresAt);

/// <summary>A rotation.</summary>
/// <param name="GraceSeconds">For how many seconds the secret so far signs too: 0 to 2,592,000. Default: 86,400, a day.</param>
/// <param name="Secret">The new secret, <c>whsec_</c> and the base64 of 24 to 64 bytes; for <c>ed25519</c> the new private key, <c>whsk_</c> and the base64 of 32. Default: made.</param>
internal sealed record RotateRequest(
    [property: Range(0, 2_592_000), DefaultValue(86_400), Example(86_400)] int? GraceSeconds = null,
    [property: Example(Examples.Secret)] string? Secret = null) : IMayBeEmpty;

/// <summary>A test.</summary>
/// <param name="Event">An event type of the catalogue.</param>
/// <param name="Payload">What to send instead of the type's example, byte for byte as it stands here: a JSON object as large as any event's. Default: the example.</param>
internal sealed record TestRequest(
    [property: Required, StringLength(128, MinimumLength = 1), Example("document_predict")] string? Event,
    [property: Example(Examples.Payload)] JsonElement? Payload = null);
