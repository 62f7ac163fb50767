// An integration: one webhook endpoint of a customer, with its settings and its signing secrets.

namespace Dispatcher.Integrations;

internal sealed class Integration
{
    public required string OrganizationId { get; set; }
    public Guid Id { get; set; }
    public required string Type { get; set; }
    public string? Name { get; set; }
    public string? Project { get; set; }
    public string? Inbox { get; set; }

    /// <summary>Exact event types, <c>*</c>, or prefixes with <c>.*</c>.</summary>
    public required string[] Events { get; set; }
    public required string Target { get; set; }

    /// <summary>Static headers as a JSON object of strings: the values as <see cref="Secrets.SecretBox"/> has sealed them.</summary>
    public required string Headers { get; set; }
    public string? BasicUsername { get; set; }

    /// <summary>Sealed.</summary>
    public string? BasicPassword { get; set; }
    public bool Enabled { get; set; } = true;

    /// <summary>Why the server disabled it (<c>gone</c>, <c>failing</c>); null when a person did, or when it is enabled.</summary>
    public string? DisabledReason { get; set; }
    public int? RateLimitPerSecond { get; set; }
    public int? MaxConcurrency { get; set; }
    public double? TimeoutSeconds { get; set; }
    public double? RetryBaseSeconds { get; set; }
    public int? RetryMaxAttempts { get; set; }
    public required string Ordering { get; set; }

    /// <summary><see cref="Dispatcher.Signing.SigningScheme"/>. Never changes.</summary>
    public required string Signing { get; set; }

    /// <summary>The customer's own JSON object.</summary>
    public required string Metadata { get; set; }

    /// <summary>Counted up by the database on each change.</summary>
    public int Version { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
    public DateTimeOffset? DeletedAt { get; set; }
}

internal sealed class IntegrationSecret
{
    public required string OrganizationId { get; set; }
    public Guid Id { get; set; }
    public Guid IntegrationId { get; set; }

    /// <summary>Sealed: <c>whsec_…</c>, or <c>whsk_…</c>.</summary>
    public required string Secret { get; set; }
    public DateTimeOffset CreatedAt { get; set; }

    /// <summary>When it stops signing; null for the current one.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
}
