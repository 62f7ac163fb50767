// What goes to POST /webhook and comes back: a link into the portal.

using System.Text.Json.Serialization;

namespace Dispatcher.Client;

/// <summary>What a link into the portal lets its visitor do.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PortalRole>))]
public enum PortalRole
{
    /// <summary>Reads, and changes integrations.</summary>
    [JsonStringEnumMemberName("admin")]
    Admin,

    /// <summary>Reads, and sees no secret.</summary>
    [JsonStringEnumMemberName("member")]
    Member,
}

/// <summary>What a link into the portal is for. What is <c>null</c> is left to the server.</summary>
public sealed record PortalLinkOptions
{
    /// <summary>The organization, where the client has an operator's key. Default: <c>default</c>; other keys have their own.</summary>
    public string? Organization { get; init; }

    /// <summary>The project. Default: the key's, or all of the organization.</summary>
    public string? Project { get; init; }

    /// <summary>How long the link works, in whole seconds: a minute to 7 days. Default: the server's, an hour unless configured.</summary>
    public TimeSpan? ExpiresIn { get; init; }

    /// <summary>Default: <see cref="PortalRole.Admin"/>, or <see cref="PortalRole.Member"/> for the key of a member.</summary>
    public PortalRole? Role { get; init; }
}

/// <summary>A link into the portal. Whoever has it is let in: give it to the customer that it is for, and to nobody else.</summary>
/// <param name="Link">The address to open in a browser.</param>
/// <param name="ExpiresAt">When it stops working.</param>
public sealed record PortalLink(Uri Link, DateTimeOffset ExpiresAt);

/// <summary>The request's body.</summary>
internal sealed record PortalLinkRequest(string? Project, int? ExpiresInSeconds, PortalRole? Role);
