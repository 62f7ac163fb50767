// One endpoint's ed25519 key pair (RFC 8032), in the text form of Standard Webhooks 1.0.0.

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Dispatcher.Signing;

/// <summary>
/// A parsed <c>whsk_</c> private key and the <c>whpk_</c> public key that belongs to it. The signatures are OpenSSL's: .NET has none.
/// </summary>
internal sealed class Ed25519Key : SigningKey
{
    public const string PrivatePrefix = "whsk_";
    public const string PublicPrefix = "whpk_";

    /// <summary>The length of a private key (RFC 8032's seed), and of a public one.</summary>
    public const int KeyBytes = 32;

    private const int EncodedLength = (KeyBytes * 2 + 2) / 3 * 4;

    private readonly LibCrypto.Key _key;

    private Ed25519Key(LibCrypto.Key key, byte[] publicKey)
    {
        _key = key;
        ReceiversKey = PublicPrefix + Convert.ToBase64String(publicKey);
    }

    /// <summary>Whether this machine can sign so: Linux, with an OpenSSL that knows ed25519.</summary>
    public static bool IsAvailable => LibCrypto.IsAvailable;

    public override string Version => "v1a,";

    public override int SignatureBytes => LibCrypto.SignatureBytes;

    public override string ReceiversKey { get; }

    /// <summary>
    /// Reads <c>whsk_</c> followed by padded, canonical base64 of the 32 bytes of a private key, or of 64: the private and the public one,
    /// as many libraries keep it. <paramref name="error"/> says the rule, never the key.
    /// </summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Ed25519Key? key, [NotNullWhen(false)] out string? error)
    {
        key = null;
        Span<byte> bytes = stackalloc byte[KeyBytes * 2 + 2];
        if (text is null || !text.StartsWith(PrivatePrefix, StringComparison.Ordinal)
            || !TryDecode(text.AsSpan(PrivatePrefix.Length), bytes, out var length) || length is not (KeyBytes or KeyBytes * 2))
        {
            error = "An ed25519 signing key is 'whsk_' followed by padded base64 (A-Z a-z 0-9 + /) of 32 bytes, or of 64 with its public key.";
            return false;
        }

        if (!IsAvailable)
        {
            error = "This server cannot sign with ed25519: it needs Linux and OpenSSL 1.1.1 or newer (libcrypto).";
            return false;
        }

        var made = LibCrypto.Key.OfSeed(bytes[..KeyBytes]);
        var publicKey = made.PublicKey();
        if (length > KeyBytes && !publicKey.AsSpan().SequenceEqual(bytes[KeyBytes..length]))
        {
            made.Dispose();
            error = "The second half of the 'whsk_' key is not the public key of the first.";
            return false;
        }

        (key, error) = (new Ed25519Key(made, publicKey), null);
        return true;
    }

    /// <summary>A new private key: <c>whsk_</c> and base64 of 32 random bytes.</summary>
    public static string Generate()
    {
        Span<byte> seed = stackalloc byte[KeyBytes];
        RandomNumberGenerator.Fill(seed);
        return PrivatePrefix + Convert.ToBase64String(seed);
    }

    /// <inheritdoc/>
    /// <remarks>Ed25519 reads the message twice, so it must be in one piece.</remarks>
    public override void Sign(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, Span<byte> signature)
    {
        var length = head.Length + body.Length;
        var message = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            head.CopyTo(message);
            body.CopyTo(message.AsSpan(head.Length));
            _key.Sign(message.AsSpan(0, length), signature);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(message);
        }
    }

    private static bool TryDecode(ReadOnlySpan<char> encoded, Span<byte> bytes, out int length)
    {
        length = 0;
        Span<char> canonical = stackalloc char[EncodedLength];
        return encoded.Length <= EncodedLength
            && Convert.TryFromBase64Chars(encoded, bytes, out length)
            && Convert.TryToBase64Chars(bytes[..length], canonical, out var written)
            && encoded.SequenceEqual(canonical[..written]);
    }
}
