// The Standard Webhooks signature, written here a second time on purpose: the benchmark checks the server, so it must not borrow its code.
using System.Security.Cryptography;
using System.Text;

namespace Dispatcher.Benchmarks.Harness;

internal static class Signature
{
    private const string SecretPrefix = "whsec_";

    /// <summary>A new secret: <c>whsec_</c> and base64 of 24 random bytes.</summary>
    public static string NewSecret() => SecretPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(24));

    /// <summary>The key bytes inside <c>whsec_…</c>.</summary>
    public static byte[] KeyOf(string secret) => Convert.FromBase64String(secret[SecretPrefix.Length..]);

    /// <summary><c>v1,</c> and base64 of HMAC-SHA256 over <c>{id}.{timestamp}.{body}</c>.</summary>
    public static string Sign(byte[] key, string id, string timestamp, ReadOnlySpan<byte> body)
    {
        Span<byte> message = stackalloc byte[id.Length + timestamp.Length + 2 + body.Length];
        var length = Encoding.ASCII.GetBytes(id, message);
        message[length++] = (byte)'.';
        length += Encoding.ASCII.GetBytes(timestamp, message[length..]);
        message[length++] = (byte)'.';
        body.CopyTo(message[length..]);

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, message, hash);
        Span<char> text = stackalloc char[3 + 44];
        "v1,".CopyTo(text);
        Convert.TryToBase64Chars(hash, text[3..], out _);
        return new string(text);
    }
}
