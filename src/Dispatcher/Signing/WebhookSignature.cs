// The webhook-signature header of Standard Webhooks 1.0.0: "v1,<base64>" or "v1a,<base64>" for each live key, separated by spaces.

using System.Buffers.Text;
using System.Text;

namespace Dispatcher.Signing;

/// <summary>Signs what is sent: <c>{id}.{timestamp}.{body}</c>.</summary>
internal static class WebhookSignature
{
    private const int LongDigits = 20;
    private const int StackLimit = 512;
    private const int LongestSignature = 64;

    /// <summary>The header's value. The body is read in place, once for each key.</summary>
    /// <param name="keys">The live keys, at least one; the order is kept.</param>
    /// <param name="messageId">The value of <c>webhook-id</c>.</param>
    /// <param name="unixSeconds">The value of <c>webhook-timestamp</c>.</param>
    /// <param name="body">The body's bytes exactly as they are sent.</param>
    public static string Sign(ReadOnlySpan<SigningKey> keys, string messageId, long unixSeconds, ReadOnlySpan<byte> body)
    {
        ArgumentOutOfRangeException.ThrowIfZero(keys.Length);

        var headLength = Encoding.UTF8.GetMaxByteCount(messageId.Length) + LongDigits + 2;
        var headBuffer = headLength <= StackLimit ? stackalloc byte[StackLimit] : new byte[headLength];
        var head = headBuffer[..WriteHead(headBuffer, messageId, unixSeconds)];

        var length = LengthOf(keys);
        var header = length <= StackLimit ? stackalloc char[StackLimit] : new char[length];
        var written = 0;
        Span<byte> signature = stackalloc byte[LongestSignature];
        foreach (var key in keys)
        {
            if (written > 0) header[written++] = ' ';
            key.Version.CopyTo(header[written..]);
            written += key.Version.Length;
            var own = signature[..key.SignatureBytes];
            key.Sign(head, body, own);
            Convert.TryToBase64Chars(own, header[written..], out var chars);
            written += chars;
        }

        return new string(header[..written]);
    }

    private static int LengthOf(ReadOnlySpan<SigningKey> keys)
    {
        var length = keys.Length - 1;
        foreach (var key in keys) length += key.Version.Length + ((key.SignatureBytes + 2) / 3 * 4);
        return length;
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
