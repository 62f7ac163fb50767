// What properties are tried with.

using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

internal static class Inputs
{
    private const string TokenCharacters = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>Signs that programs trip over, among ordinary ones.</summary>
    private static readonly Rune[] Tricky =
        [.. "\0\t\n\r \u007f\u00a0é\u0301\u200b\u202e\u2028日🙂\ufeff\uffff\"\\/%?#@:;,=+-_.*{}[]<>'`|^~$&()!".EnumerateRunes()];

    public static Gen<byte> Byte { get; } = Gen.Choose(0, 255).Select(n => (byte)n);

    public static Gen<long> Long { get; } = Gen.Two(Gen.Choose(int.MinValue, int.MaxValue)).Select(n => ((long)n.Item1 << 32) | (uint)n.Item2);

    public static Gen<byte[]> Bytes(int from, int to) => Gen.Choose(from, to).SelectMany(length => Byte.ArrayOf(length));

    /// <summary>Text of valid Unicode: mostly printable ASCII, now and then anything.</summary>
    public static Gen<string> Text(int from, int to)
    {
        var rune = Gen.Frequency(
            (6, Gen.Choose(0x20, 0x7e).Select(n => new Rune(n))),
            (3, Gen.Elements(Tricky)),
            (1, Gen.Choose(0, 0x10ffff).Where(n => Rune.IsValid(n)).Select(n => new Rune(n))));
        return Gen.Choose(from, to).SelectMany(length => rune.ArrayOf(length)).Select(runes => string.Concat(runes.Select(r => r.ToString())));
    }

    /// <summary>Text of anything that a .NET string can hold, half surrogate pairs too.</summary>
    public static Gen<string> Garbage(int to) => Gen.OneOf(
        Text(0, to), Gen.Choose(0, to).SelectMany(length => Gen.Choose(0, 0xffff).Select(n => (char)n).ArrayOf(length)).Select(chars => new string(chars)));

    /// <summary>A name as HTTP allows it.</summary>
    public static Gen<string> Token(int to) => From(TokenCharacters, 1, to);

    public static Gen<string> From(string characters, int from, int to) =>
        Gen.Choose(from, to).SelectMany(length => Gen.Elements(characters.ToCharArray()).ArrayOf(length)).Select(chars => new string(chars));

    /// <summary>The same text in some other mixture of upper and lower case.</summary>
    public static Gen<string> AnyCase(string text) => Gen.Choose(0, 1).ArrayOf(text.Length).Select(
        bits => string.Concat(text.Zip(bits, (c, up) => up == 1 ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c))));

    /// <summary>The text with one character exchanged for another.</summary>
    public static Gen<string> Changed(string text, string characters) =>
        from at in Gen.Choose(0, text.Length - 1)
        from other in Gen.Elements(characters.Where(c => c != text[at]).ToArray())
        select $"{text[..at]}{other}{text[(at + 1)..]}";
}
