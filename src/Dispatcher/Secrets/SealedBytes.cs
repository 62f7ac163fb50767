// Authenticated encryption with AES-256-GCM: the one place that knows how sealed bytes are made and laid out.

using System.Security.Cryptography;

namespace Dispatcher.Secrets;

/// <summary>Sealed bytes: a random nonce (12 bytes), the tag (16 bytes) and the ciphertext, one after the other.</summary>
internal static class SealedBytes
{
    public const int KeyLength = 32;

    private static readonly int NonceLength = AesGcm.NonceByteSizes.MaxSize;
    private static readonly int TagLength = AesGcm.TagByteSizes.MaxSize;

    /// <summary>Encrypts.</summary>
    /// <param name="plain">What is to be kept secret.</param>
    /// <param name="key"><see cref="KeyLength"/> bytes. Not for more than some billion messages: the nonces are random.</param>
    /// <param name="context">Not stored, and needed again to open: sealed bytes that were moved elsewhere do not open there.</param>
    public static byte[] Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> key, ReadOnlySpan<byte> context = default)
    {
        var sealedBytes = new byte[NonceLength + TagLength + plain.Length];
        var nonce = sealedBytes.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(nonce, plain, sealedBytes.AsSpan(NonceLength + TagLength), sealedBytes.AsSpan(NonceLength, TagLength), context);
        return sealedBytes;
    }

    /// <summary>Decrypts; null when the key or the context is another one, or a bit of it was changed.</summary>
    public static byte[]? TryOpen(ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> key, ReadOnlySpan<byte> context = default)
    {
        if (sealedBytes.Length < NonceLength + TagLength) return null;
        var text = sealedBytes[(NonceLength + TagLength)..];
        var plain = new byte[text.Length];
        using var aes = new AesGcm(key, TagLength);
        try
        {
            aes.Decrypt(sealedBytes[..NonceLength], text, sealedBytes.Slice(NonceLength, TagLength), plain, context);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
