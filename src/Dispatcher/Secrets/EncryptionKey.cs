// A key made from its text.

using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Dispatcher.Secrets;

/// <summary>
/// An encryption key, derived from a text by PBKDF2. The text should be random; the iterations make up a little for those that are not.
/// </summary>
internal sealed class EncryptionKey
{
    /// <summary>Below this a text is refused.</summary>
    public const int MinTextLength = 16;

    private const int Iterations = 200_000;
    private const int IdBytes = 4;

    // The same for everybody: all nodes must come to the same key, and what they have in common is the text. Never change it.
    private static readonly byte[] Salt = "dispatcher.secrets.1"u8.ToArray();

    // Deriving takes a noticeable moment, and a process needs few keys: each is derived once.
    private static readonly ConcurrentDictionary<string, Lazy<EncryptionKey>> Known = new(StringComparer.Ordinal);

    private readonly byte[] _key;

    private EncryptionKey(string text)
    {
        var root = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(text), Salt, Iterations, HashAlgorithmName.SHA256, SealedBytes.KeyLength);
        _key = HKDF.Expand(HashAlgorithmName.SHA256, root, SealedBytes.KeyLength, "seal"u8.ToArray());
        Id = Convert.ToHexStringLower(HKDF.Expand(HashAlgorithmName.SHA256, root, IdBytes, "id"u8.ToArray()));
    }

    /// <summary>Names the key wherever one needs to: 8 hex digits that give nothing of it away.</summary>
    public string Id { get; }

    public static EncryptionKey Of(string text) => Known.GetOrAdd(text, static t => new Lazy<EncryptionKey>(() => new EncryptionKey(t))).Value;

    /// <inheritdoc cref="SealedBytes.Seal"/>
    public byte[] Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> context) => SealedBytes.Seal(plain, _key, context);

    /// <inheritdoc cref="SealedBytes.TryOpen"/>
    public byte[]? TryOpen(ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> context) => SealedBytes.TryOpen(sealedBytes, _key, context);
}
