// One endpoint's symmetric signing secret, in the text form and with the key lengths of Standard Webhooks 1.0.0.

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Dispatcher.Signing;

/// <summary>
/// A parsed <c>whsec_</c> secret. It holds the decoded key and a keyed HMAC that is used again, which halves the price of a signature.
/// </summary>
internal sealed class SigningSecret : SigningKey
{
    public const string Prefix = "whsec_";

    /// <summary>Key lengths that Standard Webhooks allows, in bytes.</summary>
    public const int MinKeyBytes = 24;
    public const int MaxKeyBytes = 64;

    private const int GeneratedKeyBytes = 24;
    private const int MaxEncodedLength = (MaxKeyBytes + 2) / 3 * 4;

    private readonly byte[] _key;

    // The idle keyed HMAC. A thread that finds it taken makes its own, and whichever comes back second is dropped.
    private IncrementalHash? _idle;

    private SigningSecret(byte[] key) => _key = key;

    public override string Version => "v1,";

    public override int SignatureBytes => HMACSHA256.HashSizeInBytes;

    public override string ReceiversKey => Prefix + Convert.ToBase64String(_key);

    /// <summary>
    /// Reads <c>whsec_</c> followed by padded, canonical, standard-alphabet base64 of 24 to 64 bytes. Anything looser would
    /// be decoded differently by one receiver's library or another. <paramref name="error"/> says the rule, never the secret.
    /// </summary>
    public static bool TryParse(
        string? text, [NotNullWhen(true)] out SigningSecret? secret, [NotNullWhen(false)] out string? error)
    {
        secret = null;
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            error = "A signing secret is 'whsec_' followed by base64 of 24 to 64 bytes.";
            return false;
        }

        var encoded = text.AsSpan(Prefix.Length);
        Span<byte> key = stackalloc byte[MaxKeyBytes + 2];
        if (encoded.Length > MaxEncodedLength || !TryDecode(encoded, key, out var length))
        {
            error = "What follows 'whsec_' must be padded base64 (A-Z a-z 0-9 + /) of 24 to 64 bytes, without spaces.";
            return false;
        }

        if (length is < MinKeyBytes or > MaxKeyBytes)
        {
            error = $"A signing key has 24 to 64 bytes; this one has {length}.";
            return false;
        }

        secret = new SigningSecret(key[..length].ToArray());
        error = null;
        return true;
    }

    /// <summary>A new secret: <c>whsec_</c> and base64 of 24 random bytes.</summary>
    public static string Generate()
    {
        Span<byte> key = stackalloc byte[GeneratedKeyBytes];
        RandomNumberGenerator.Fill(key);
        return Prefix + Convert.ToBase64String(key);
    }

    /// <inheritdoc/>
    public override void Sign(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body, Span<byte> signature)
    {
        var hmac = Interlocked.Exchange(ref _idle, null) ?? IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        hmac.AppendData(head);
        hmac.AppendData(body);
        hmac.GetHashAndReset(signature);
        Interlocked.Exchange(ref _idle, hmac)?.Dispose();
    }

    // The framework's decoder skips white space and ignores stray bits in the last character: encoding again shows both.
    private static bool TryDecode(ReadOnlySpan<char> encoded, Span<byte> key, out int length)
    {
        Span<char> canonical = stackalloc char[MaxEncodedLength];
        return Convert.TryFromBase64Chars(encoded, key, out length)
            && Convert.TryToBase64Chars(key[..length], canonical, out var written)
            && encoded.SequenceEqual(canonical[..written]);
    }
}
