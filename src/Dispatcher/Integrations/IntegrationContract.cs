// Integrations as they stand on the wire.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Integrations;

/// <summary>An integration as it is asked for. POST and PUT take it whole; PATCH merges its members into what is there (RFC 7396).</summary>
/// <param name="Type"><c>webhook</c>. Required.</param>
/// <param name="Events">1 to 100 event types: exact, <c>*</c>, or a prefix with <c>.*</c>. Required.</param>
/// <param name="Target">Absolute http or https URL, at most 2,048 characters. Required.</param>
/// <param name="Name">What people call it, at most 200 characters.</param>
/// <param name="Headers">Static headers sent with every POST: at most 32, values at most 4,096 bytes. Read back masked; a masked value sent back keeps what is there, and is refused where nothing is.</param>
/// <param name="BasicAuth">Sends <c>Authorization: Basic …</c>.</param>
/// <param name="Project">Only events of this project. Default: all of the organization.</param>
/// <param name="Inbox">Only events of this inbox. Default: all.</param>
/// <param name="Enabled">Default true. While false nothing is sent, and what waits goes on waiting.</param>
/// <param name="RateLimitPerSecond">1 to 100,000. Default: none.</param>
/// <param name="MaxConcurrency">POSTs at once, 1 to 1,000. Default: the server's.</param>
/// <param name="TimeoutSeconds">0.1 to 300. Default: the server's, 15 unless configured.</param>
/// <param name="Retry">The retry schedule.</param>
/// <param name="Ordering"><c>none</c> (default) or <c>by_key</c>: deliveries of one ordering key go one at a time, in the order of acceptance.</param>
/// <param name="Metadata">The customer's own JSON object, at most 16 KiB.</param>
/// <param name="Signing"><c>hmac</c> (default: <c>v1</c> signatures, with a secret that both sides have) or <c>ed25519</c> (<c>v1a</c>: the receiver has only a public key). Cannot be changed.</param>
internal sealed record IntegrationRequest(
    string? Type,
    string[]? Events,
    string? Target,
    string? Name,
    Dictionary<string, string>? Headers,
    BasicAuth? BasicAuth,
    string? Project,
    string? Inbox,
    bool? Enabled,
    int? RateLimitPerSecond,
    int? MaxConcurrency,
    double? TimeoutSeconds,
    RetrySettings? Retry,
    string? Ordering,
    JsonElement? Metadata,
    string? Signing);

/// <summary>HTTP basic authentication. The password reads back masked.</summary>
internal sealed record BasicAuth(string? Username, string? Password);

/// <summary>A retry schedule.</summary>
/// <param name="BaseSeconds">The wait after the first failed attempt; doubled after each further one. Above 0, at most 3,600. Default: the server's, 2.</param>
/// <param name="MaxAttempts">1 to 10. Default: the server's, 10.</param>
internal sealed record RetrySettings(double? BaseSeconds, int? MaxAttempts);

/// <summary>An integration as it reads back: header values and the password are masked.</summary>
internal record IntegrationView(
    string Id,
    string Type,
    string? Name,
    string[] Events,
    string Target,
    IReadOnlyDictionary<string, string> Headers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] BasicAuth? BasicAuth,
    string? Project,
    string? Inbox,
    bool Enabled,
    string? DisabledReason,
    int? RateLimitPerSecond,
    int? MaxConcurrency,
    double TimeoutSeconds,
    RetrySettings Retry,
    string Ordering,
    string Signing,
    JsonElement Metadata,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);

/// <summary>
/// A new integration. <c>secret</c> is what its receiver verifies with (<c>whsec_…</c>; for <c>ed25519</c> the public key, <c>whpk_…</c>),
/// shown here, and to admins at <c>/integrations/{id}/secret</c>.
/// </summary>
internal sealed record IntegrationCreated : IntegrationView
{
    public IntegrationCreated(IntegrationView view, string secret) : base(view) => Secret = secret;

    [JsonPropertyOrder(1)]
    public string Secret { get; }
}

/// <summary>The signing secrets of an integration; for <c>ed25519</c> the public keys.</summary>
/// <param name="Secret">The current one.</param>
/// <param name="CreatedAt">Since when.</param>
/// <param name="Expiring">Older ones that still sign, and until when.</param>
internal sealed record SecretView(string Secret, DateTimeOffset CreatedAt, IReadOnlyList<ExpiringSecret> Expiring);

/// <summary>A secret in its grace.</summary>
internal sealed record ExpiringSecret(string Secret, DateTimeOffset ExpiresAt);

/// <summary>A rotation.</summary>
/// <param name="GraceSeconds">How long the secret so far signs too: 0 to 2,592,000. Default 86,400 (a day).</param>
/// <param name="Secret">The new secret, <c>whsec_</c> and base64; for <c>ed25519</c> the new private key, <c>whsk_</c> and base64. Default: made.</param>
internal sealed record RotateRequest(int? GraceSeconds, string? Secret) : Platform.IMayBeEmpty;

/// <summary>A test.</summary>
/// <param name="Event">An event type of the catalogue, whose example is sent. Required.</param>
internal sealed record TestRequest(string? Event);
