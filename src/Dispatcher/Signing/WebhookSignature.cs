// The webhook-signature header of Standard Webhooks 1.0.0: "v1,<base64>" for each live secret, separated by spaces.

using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Dispatcher.Signing;

/// <summary>Signs what is sent: HMAC-SHA256 over <c>{id}.{timestamp}.{body}</c>.</summary>
internal static class WebhookSignature
{
    private const string Version = "v1,";
    private const int Base64MacLength = (HMACSHA256.HashSizeInBytes + 2) / 3 * 4;
    private const int OneLength = 3 + Base64MacLength;
    private const int LongDigits = 20;
    private const int StackLimit = 512;

    /// <summary>The header's value. The body is read in place, once for each secret.</summary>
    /// <param name="secrets">The live secrets, at least one; the order is kept.</param>
    /// <param name="messageId">The value of <c>webhook-id</c>.</param>
    /// <param name="unixSeconds">The value of <c>webhook-timestamp</c>.</param>
    /// <param name="body">The body's bytes exactly as they are sent.</param>
    public static string Sign(ReadOnlySpan<SigningSecret> secrets, string messageId, long unixSeconds, ReadOnlySpan<byte> body)
    {
        ArgumentOutOfRangeException.ThrowIfZero(secrets.Length);

        var headLength = Encoding.UTF8.GetMaxByteCount(messageId.Length) + LongDigits + 2;
        var headBuffer = headLength <= StackLimit ? stackalloc byte[StackLimit] : new byte[headLength];
        var head = headBuffer[..WriteHead(headBuffer, messageId, unixSeconds)];

        var length = (secrets.Length * (OneLength + 1)) - 1;
        var header = length <= StackLimit ? stackalloc char[StackLimit] : new char[length];
        header = header[..length];

        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        for (var i = 0; i < secrets.Length; i++)
        {
            secrets[i].ComputeMac(head, body, mac);
            var one = header[(i * (OneLength + 1))..];
            Version.CopyTo(one);
            Convert.TryToBase64Chars(mac, one[Version.Length..], out _);
            if (one.Length > OneLength) one[OneLength] = ' ';
        }

        return new string(header);
    }

    private static int WriteHead(Span<byte> head, string messageId, long unixSeconds)
    {
        var length = Encoding.UTF8.GetBytes(messageId, head);
        head[length++] = (byte)'.';
        Utf8Formatter.TryFormat(unixSeconds, head[length..], out var digits);
        length += digits;
        head[length++] = (byte)'.';
        return length;
    }
}
