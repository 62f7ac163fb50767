// What an endpoint's webhooks are signed with, whichever of the two schemes of Standard Webhooks 1.0.0 it is.

using System.Diagnostics.CodeAnalysis;

namespace Dispatcher.Signing;

/// <summary>A key that signs. Parse it once per integration version and keep it. Safe for use by several threads at once.</summary>
internal abstract class SigningKey
{
    /// <summary>What precedes each of its signatures in the header: the scheme's identifier and a comma.</summary>
    public abstract string Version { get; }

    /// <summary>The length of a signature, before base64.</summary>
    public abstract int SignatureBytes { get; }

    /// <summary>What its receiver verifies with: the secret itself where both sides have the same one, else the public key.</summary>
    public abstract string ReceiversKey { get; }

    /// <summary>Signs <paramref name="head"/> followed by <paramref name="body"/>, into the <see cref="SignatureBytes"/> of <paramref name="signature"/>.</summary>
    public abstract void Sign(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, Span<byte> signature);

    /// <summary>Reads a key of either scheme by its prefix. <paramref name="error"/> says the rule, never the key.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SigningKey? key, [NotNullWhen(false)] out string? error)
    {
        if (text?.StartsWith(Ed25519Key.PrivatePrefix, StringComparison.Ordinal) == true)
        {
            var isKey = Ed25519Key.TryParse(text, out var pair, out error);
            key = pair;
            return isKey;
        }

        var isSecret = SigningSecret.TryParse(text, out var secret, out error);
        key = secret;
        return isSecret;
    }
}

/// <summary>The schemes by their names in the API.</summary>
internal static class SigningScheme
{
    /// <summary>HMAC-SHA256 with a secret that both sides have: <c>v1</c>.</summary>
    public const string Hmac = "hmac";

    /// <summary>Ed25519 with a private key that only the server has: <c>v1a</c>.</summary>
    public const string Ed25519 = "ed25519";

    /// <summary>A new key of the scheme, as text.</summary>
    public static string Generate(string scheme) => scheme == Ed25519 ? Ed25519Key.Generate() : SigningSecret.Generate();

    /// <summary>Whether the text is a key of the scheme. <paramref name="error"/> says the rule, never the key.</summary>
    public static bool IsKey(string scheme, string text, [NotNullWhen(false)] out string? error) => scheme == Ed25519
        ? Ed25519Key.TryParse(text, out _, out error)
        : SigningSecret.TryParse(text, out _, out error);
}
