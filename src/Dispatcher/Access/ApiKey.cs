// The nouns of access: organizations, their projects, and keys.

using System.Text.Json.Nodes;
using Dispatcher.Platform;

namespace Dispatcher.Access;

/// <summary>A customer of the provider. <c>default</c> always exists.</summary>
internal sealed class Organization
{
    public required string Id { get; set; }
    public required string Name { get; set; }

    /// <summary>How many days its data is kept; null: the server's own retention.</summary>
    public short? RetentionDays { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>A part of an organization that keys and integrations can be bound to.</summary>
internal sealed class Project
{
    public required string OrganizationId { get; set; }
    public required string Id { get; set; }
    public required string Name { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>A key; only its hash is stored.</summary>
internal sealed class ApiKey
{
    public Guid Id { get; set; }
    public Role Role { get; set; }
    public string? OrganizationId { get; set; }
    public string? Project { get; set; }
    public string? Name { get; set; }
    public required byte[] Hash { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? ExpiresAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>How many requests a second it may make on one node; null: what the server's settings say of its role.</summary>
    public int? RateLimitPerSecond { get; set; }

    /// <summary>What the audit trail says of it.</summary>
    public JsonObject ToDetails() => new()
    {
        ["role"] = Role.ToString().ToLowerInvariant(),
        ["name"] = Name,
        ["expires_at"] = ExpiresAt is { } at ? Rfc3339Converter.ToText(at) : null,
        ["rate_limit_per_second"] = RateLimitPerSecond,
    };
}

/// <summary>The form of ids that callers choose: organizations, projects, inboxes, jobs, events.</summary>
internal static class Identifiers
{
    public const int MaxLength = 128;

    /// <summary>The rule in words, for error messages.</summary>
    public const string Rule = "must have 1 to 128 characters, each a letter, a digit or one of _ - . : @";

    /// <summary>The rule as a regular expression, for the API reference.</summary>
    public const string Pattern = "^[A-Za-z0-9_.:@-]{1,128}$";

    public static bool IsValid(string? text) =>
        text is { Length: >= 1 and <= MaxLength } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':' or '@');

    /// <summary>Adds a fault unless the value is absent or a valid identifier.</summary>
    public static void CheckOptional(Faults faults, string member, string? value) =>
        faults.Require(value is null || IsValid(value), member, Rule + ".");
}
