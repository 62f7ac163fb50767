// What goes to POST /integrations and comes back: one webhook endpoint with its settings.

using System.Text.Json;

namespace Dispatcher.Client;

/// <summary>
/// An endpoint to register. With neither <see cref="Project"/> nor <see cref="Inbox"/> it gets the whole organization's events.
/// </summary>
/// <param name="Target">An absolute <c>http</c> or <c>https</c> URL, without user information.</param>
/// <param name="Events">Exact event types, prefixes such as <c>job.*</c>, or <c>*</c>.</param>
public sealed record IntegrationSettings(Uri Target, IReadOnlyList<string> Events)
{
    /// <summary>The only type that there is.</summary>
    public string Type { get; init; } = "webhook";

    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>Static headers, sent with every POST: up to 32, each value up to 4,096 bytes.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>A user and password, sent as an <c>Authorization: Basic</c> header.</summary>
    public BasicAuth? BasicAuth { get; init; }

    /// <summary>Only this project's events.</summary>
    public string? Project { get; init; }

    /// <summary>Only this inbox's events.</summary>
    public string? Inbox { get; init; }

    /// <summary><c>false</c>: nothing is sent until it is enabled; its events stay replayable. Default: enabled.</summary>
    public bool? Enabled { get; init; }

    /// <summary>The most POSTs in a second.</summary>
    public int? RateLimitPerSecond { get; init; }

    /// <summary>The most POSTs at one time.</summary>
    public int? MaxConcurrency { get; init; }

    /// <summary>How long one attempt may take, its answer's headers and body included. Default: 15.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>When a failed delivery is tried again.</summary>
    public RetrySettings? Retry { get; init; }

    /// <summary><c>none</c> (the default) or <c>by_key</c>.</summary>
    public string? Ordering { get; init; }

    /// <summary>
    /// <c>hmac</c> (the default: a secret that both sides have) or <c>ed25519</c> (the receiver has a public key only). Cannot be changed later.
    /// </summary>
    public string? Signing { get; init; }

    /// <summary>The caller's own labels; the server only keeps them.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>Credentials of HTTP basic authentication.</summary>
public sealed record BasicAuth(string Username, string Password)
{
    /// <summary>The user alone: a record's usual text would put the password into logs.</summary>
    public override string ToString() => $"BasicAuth {{ Username = {Username} }}";
}

/// <summary>When a failed delivery is tried again; what is <c>null</c> is the server's default.</summary>
/// <param name="BaseSeconds">What the exponential schedule starts from. Default: 2, which gives 2, 4, 8 … 512 seconds.</param>
/// <param name="MaxAttempts">1 to 10, the first included. Default: 10.</param>
public sealed record RetrySettings(double? BaseSeconds = null, int? MaxAttempts = null);

/// <summary>An integration as the server holds it.</summary>
/// <param name="Id"><c>int_…</c></param>
/// <param name="Target">Where its webhooks go.</param>
/// <param name="Events">What it asks for.</param>
public sealed record Integration(string Id, Uri Target, IReadOnlyList<string> Events)
{
    /// <summary><c>webhook</c>.</summary>
    public string? Type { get; init; }

    /// <summary>
    /// What <see cref="WebhookVerifier"/> verifies with: the signing secret (<c>whsec_…</c>), or the public key (<c>whpk_…</c>). The answer to the creation holds it, no other does: keep
    /// it.
    /// </summary>
    public string? Secret { get; init; }

    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>Static headers, their values masked.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The project whose events it gets; <c>null</c>: every project's.</summary>
    public string? Project { get; init; }

    /// <summary>The inbox whose events it gets; <c>null</c>: every inbox's.</summary>
    public string? Inbox { get; init; }

    /// <summary>Whether anything is sent to it.</summary>
    public bool Enabled { get; init; }

    /// <summary>The most POSTs in a second; <c>null</c>: no limit of its own.</summary>
    public int? RateLimitPerSecond { get; init; }

    /// <summary>The most POSTs at one time; <c>null</c>: the server's default.</summary>
    public int? MaxConcurrency { get; init; }

    /// <summary>How long one attempt may take; <c>null</c>: the server's default.</summary>
    public double? TimeoutSeconds { get; init; }

    /// <summary>Its retry schedule; <c>null</c>: the server's default.</summary>
    public RetrySettings? Retry { get; init; }

    /// <summary><c>none</c> or <c>by_key</c>.</summary>
    public string? Ordering { get; init; }

    /// <summary><c>hmac</c> or <c>ed25519</c>.</summary>
    public string? Signing { get; init; }

    /// <summary>The caller's own labels.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>The integration without its secret and header values: a record's usual text would put them into logs.</summary>
    public override string ToString() => $"Integration {{ Id = {Id}, Target = {Target} }}";
}
