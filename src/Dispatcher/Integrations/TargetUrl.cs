// What a target may look like. Stricter than the framework's parser, which mends much of what was probably meant otherwise.

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Dispatcher.Integrations;

/// <summary>
/// The rule of <c>target</c>: <c>http://host[:port][/path][?query]</c> or https. The host is a name, an IPv4 address or an IPv6 address
/// in brackets. A name may be Unicode: it is shown as it was given, and resolved and sent in its <c>xn--</c> form. Whether an address may
/// be reached is not decided here but on connecting.
/// </summary>
internal static class TargetUrl
{
    public const int MaxLength = 2048;

    private const int MaxHostLength = 253;
    private const int MaxLabelLength = 63;
    private const string Form = "must be an absolute http or https URL, such as https://example.com/hook.";

    /// <summary>What is wrong with it, as words that follow the member's name; null: nothing. Never repeats the URL, which may hold a password.</summary>
    public static string? FaultOf(string target)
    {
        if (target.Length > MaxLength) return $"must have at most {MaxLength} characters.";
        var afterScheme = target.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? 8
            : target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? 7 : 0;
        if (afterScheme == 0) return Form;

        var rest = target.AsSpan(afterScheme);
        var end = rest.IndexOfAny('/', '?', '#');
        var authority = end < 0 ? rest : rest[..end];
        // First of all: whoever wrote a password should read of it, whatever else is wrong.
        if (authority.Contains('@')) return "must not hold a user name or password; use \"basic_auth\" or \"headers\".";
        if (rest.Contains('#')) return "must not have a fragment: it would not be sent.";
        if (target.Contains('\\', StringComparison.Ordinal)) return "must not hold a backslash; write it as %5C.";
        if (target.EnumerateRunes().Any(IsInvisible)) return "must not hold spaces, control or invisible characters; percent-encode them.";
        if (target.EnumerateRunes().Any(r => r == Rune.ReplacementChar)) return "must be valid Unicode.";

        return FaultOfAuthority(authority) ?? (Uri.TryCreate(target, UriKind.Absolute, out var url) ? FaultOfHost(url, authority) : Form);
    }

    private static string? FaultOfAuthority(ReadOnlySpan<char> authority)
    {
        var afterHost = authority is ['[', ..] ? authority.IndexOf(']') + 1 : authority.IndexOf(':');
        var host = afterHost < 0 ? authority : authority[..afterHost];
        if (host.IsEmpty) return Form;
        if (host.Contains('%'))
            return host[0] == '[' ? "must not have an IPv6 zone: it means nothing outside of one machine." : "must not have a percent-encoded host.";
        if (host.Length == authority.Length) return null;

        var port = authority[host.Length..];
        var isPort = port[0] == ':' && ushort.TryParse(port[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0;
        return isPort ? null : "must have a port from 1 to 65535 after the \":\", or none.";
    }

    private static string? FaultOfHost(Uri url, ReadOnlySpan<char> authority)
    {
        if (url.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6) return null;
        var isUnicode = authority.ContainsAnyExceptInRange('\0', '\x7f');
        if ((isUnicode && !IsPlainUnicode(url.Host)) || AsciiHostOf(url) is not { } host)
            return "must have a host of letters, digits and hyphens; write any other in its xn-- form.";

        var labels = host.Split('.');
        if (host.Length > MaxHostLength || !labels.All(IsLabel))
            return $"must have a host of letters, digits, \"-\" and \"_\" in parts of 1 to {MaxLabelLength} characters, joined by single dots, {MaxHostLength} in all.";
        // Such a name is taken for an address by some resolvers, each in its own way.
        return char.IsAsciiDigit(labels[^1][0]) && labels[^1].All(char.IsAsciiHexDigit) || labels[^1].StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? "must have a name or an address as its host; one that ends in a number is neither."
            : null;
    }

    /// <summary>The host as it is resolved and sent; null where a name has none. The framework looks only when it is asked.</summary>
    private static string? AsciiHostOf(Uri url)
    {
        try
        {
            return url.IdnHost;
        }
        catch (UriFormatException)
        {
            return null;
        }
    }

    private static bool IsLabel(string label) =>
        label.Length is >= 1 and <= MaxLabelLength && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>
    /// Letters and digits that stand for themselves. Signs that are one with others in domain names (full-width forms, accents apart from
    /// their letters, other full stops) would lead elsewhere than in a browser.
    /// </summary>
    private static bool IsPlainUnicode(string host) => host.EnumerateRunes().All(r => r.IsAscii
        || (r.Value is not ((>= 0x300 and <= 0x36f) or (>= 0xff00 and <= 0xffef)) && Rune.GetUnicodeCategory(r) is
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.OtherLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber));

    private static bool IsInvisible(Rune rune) => Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format;
}
