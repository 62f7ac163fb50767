// Portal sessions: short-lived credentials that a key makes for one organization, or one project of it, to be given away in a link.

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Dispatcher.Access;

/// <summary>A link into the portal; only the hash of its token is stored.</summary>
internal sealed class PortalSession
{
    public required string OrganizationId { get; set; }
    public Guid Id { get; set; }
    public string? Project { get; set; }

    /// <summary>Admin or member: a session never does more than these.</summary>
    public Role Role { get; set; }

    /// <summary>The key that made it, and with which it ends; null: the operator key of the configuration.</summary>
    public Guid? CreatedBy { get; set; }
    public required byte[] Hash { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
    public DateTimeOffset? RevokedAt { get; set; }
}

/// <summary>The form of a session's token: <c>dps_</c> and 32 random bytes in hex. It goes through URLs as it is, and logs know it by its prefix.</summary>
internal static class PortalToken
{
    public const string Prefix = "dps_";

    private const int HexDigits = 64;

    public static string New() => Prefix + RandomNumberGenerator.GetHexString(HexDigits, lowercase: true);

    public static bool HasForm([NotNullWhen(true)] string? text) =>
        text?.Length == Prefix.Length + HexDigits && text.StartsWith(Prefix, StringComparison.Ordinal) && text.Skip(Prefix.Length).All(char.IsAsciiHexDigitLower);
}
