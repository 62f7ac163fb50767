// Which static headers an integration may have: the rule that the API tells and the sender relies on.

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Dispatcher.Sending;

/// <summary>Checks the headers that an owner adds to every POST of an integration.</summary>
internal static class StaticHeaders
{
    /// <summary>How many static headers one integration may have.</summary>
    public const int MaxCount = 32;

    public const int MaxNameLength = 128;

    /// <summary>A value's length in UTF-8, as it is sent.</summary>
    public const int MaxValueBytes = 4096;

    // RFC 9110, section 5.6.2.
    private static readonly SearchValues<char> TokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    // All but the tab, which RFC 9110, section 5.5 lets stand inside a value.
    private static readonly SearchValues<char> ControlCharacters = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Append(0x7F).Select(code => (char)code).Where(c => c != '\t')]);

    // They frame the message or belong to one connection: a stray one would corrupt the request or smuggle another.
    private static readonly HashSet<string> Reserved = new(StringComparer.OrdinalIgnoreCase)
    {
        "connection", "expect", "host", "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade",
    };

    private static readonly string[] ReservedPrefixes = ["content-", "webhook-", "svix-", "dispatcher-"];

    /// <summary>Whether this header may be sent; <paramref name="refusal"/> names the header and the rule, never the value.</summary>
    public static bool TryCheck(string name, string value, [NotNullWhen(false)] out string? refusal)
    {
        if (name.Length is 0 or > MaxNameLength || name.AsSpan().ContainsAnyExcept(TokenCharacters))
            refusal = $"'{Printable(name)}' is not a header name.";
        else if (Reserved.Contains(name))
            refusal = $"The header '{name}' belongs to the connection and cannot be set.";
        else if (Array.Exists(ReservedPrefixes, prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            refusal = $"The header '{name}' is set by Dispatcher itself and cannot be overridden.";
        else if (Encoding.UTF8.GetByteCount(value) > MaxValueBytes)
            refusal = $"The value of the header '{name}' is longer than {MaxValueBytes} bytes.";
        else if (HasControlCharacters(value))
            refusal = $"The value of the header '{name}' contains control characters.";
        else if (value is [' ' or '\t', ..] or [.., ' ' or '\t'])
            refusal = $"The value of the header '{name}' begins or ends with white space, which receivers cut off.";
        else
            refusal = null;

        return refusal is null;
    }

    /// <summary>Whether a value would break out of its line, or is refused by receivers as if it did.</summary>
    public static bool HasControlCharacters(ReadOnlySpan<char> value) => value.ContainsAny(ControlCharacters);

    private static string Printable(string name) =>
        string.Concat(name.Take(MaxNameLength).Select(c => char.IsControl(c) ? '?' : c));
}
