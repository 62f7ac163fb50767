// What strangers send must not steer the terminal that shows it.

namespace Dispatcher.Platform.Verbs;

internal static class Terminal
{
    /// <summary>The text with control characters (escape sequences, carriage returns, line breaks) replaced by U+FFFD.</summary>
    public static string Safe(string? text) => text is null ? "" : string.Create(text.Length, text, static (safe, source) =>
    {
        for (var i = 0; i < source.Length; i++)
            safe[i] = char.IsControl(source[i]) && source[i] != '\t' ? '\uFFFD' : source[i];
    });
}
