// Operator sessions: who has signed in to the dashboard with an operator key.

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Dispatcher.Access;

/// <summary>A sign-in; only the hash of its token is stored.</summary>
internal sealed class OperatorSession
{
    public Guid Id { get; set; }

    /// <summary>The key that signed in, and with which it ends; null: the operator key of the configuration.</summary>
    public Guid? CreatedBy { get; set; }
    public required byte[] Hash { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
}

/// <summary>The form of a session's token: <c>dos_</c> and 32 random bytes in hex. It is taken out of a cookie only, never out of a header.</summary>
internal static class OperatorToken
{
    public const string Prefix = "dos_";

    /// <summary>The cookie that it is taken out of.</summary>
    public const string Cookie = "dispatcher_operator";

    private const int HexDigits = 64;

    public static string New() => Prefix + RandomNumberGenerator.GetHexString(HexDigits, lowercase: true);

    public static bool HasForm([NotNullWhen(true)] string? text) =>
        text?.Length == Prefix.Length + HexDigits && text.StartsWith(Prefix, StringComparison.Ordinal) && text.Skip(Prefix.Length).All(char.IsAsciiHexDigitLower);
}
