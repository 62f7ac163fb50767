// Bytes that others chose, as a page shows them.

using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Dispatcher.Pages;

/// <summary>A payload, or an answer's body.</summary>
/// <param name="Raw">The text as it is; of what is no text, its first bytes in hexadecimal.</param>
/// <param name="Indented">The same as indented JSON; null where it is none, where it is too long, or where it is indented already.</param>
/// <param name="Length">How many bytes there are.</param>
/// <param name="IsText">Whether it is text, in UTF-8.</param>
/// <param name="IsWhole">Whether <paramref name="Raw"/> is all of it.</param>
public sealed record ShownBytes(string Raw, string? Indented, int Length, bool IsText, bool IsWhole)
{
    /// <summary>More than this is not written into a page.</summary>
    public const int MaxShown = 64 * 1024;

    private const int MaxHex = 256;

    /// <summary>Its length, for people.</summary>
    public string Size => Length < 1024
        ? string.Create(CultureInfo.InvariantCulture, $"{Length} bytes")
        : string.Create(CultureInfo.InvariantCulture, $"{Length / 1024.0:0.#} KiB");

    /// <summary>What to show of these bytes.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="isCut">Whether there were more, which are not kept: the last character may be cut in two.</param>
    internal static ShownBytes Of(ReadOnlySpan<byte> bytes, bool isCut = false)
    {
        var text = isCut ? bytes[..^CutBytes(bytes)] : bytes;
        if (!Utf8.IsValid(text) || text.Contains((byte)0)) return new(Hex(bytes[..Math.Min(bytes.Length, MaxHex)]), null, bytes.Length, IsText: false, !isCut && bytes.Length <= MaxHex);
        var shown = text.Length <= MaxShown ? text : text[..(MaxShown - CutBytes(text[..MaxShown]))];
        var raw = Encoding.UTF8.GetString(shown);
        var indented = isCut ? null : IndentedJson.Of(text);
        return new(raw, indented == raw ? null : indented, bytes.Length, IsText: true, !isCut && shown.Length == text.Length);
    }

    /// <summary>How many bytes at the end are the beginning of a character whose rest is missing.</summary>
    private static int CutBytes(ReadOnlySpan<byte> bytes)
    {
        for (var back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            var lead = bytes[^back];
            if (lead < 0x80) return 0;
            if (lead >= 0xc0) return back < (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2) ? back : 0;
        }

        return 0;
    }

    private static string Hex(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        for (var at = 0; at < bytes.Length; at += 16)
        {
            var line = bytes[at..Math.Min(at + 16, bytes.Length)];
            text.Append(CultureInfo.InvariantCulture, $"{at:x4} ");
            for (var i = 0; i < 16; i++) text.Append(i < line.Length ? string.Create(CultureInfo.InvariantCulture, $" {line[i]:x2}") : "   ");
            text.Append("  ");
            foreach (var b in line) text.Append(b is >= 0x20 and < 0x7f ? (char)b : '.');
            text.Append('\n');
        }

        return text.ToString();
    }
}
