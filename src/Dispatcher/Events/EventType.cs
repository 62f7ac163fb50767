// The catalogue of event types, and the form of their names.

namespace Dispatcher.Events;

/// <summary>An event type of the catalogue.</summary>
internal sealed class EventType
{
    public required string Name { get; set; }
    public string? Description { get; set; }

    /// <summary>An example payload as JSON text, which the test endpoint sends.</summary>
    public string? Example { get; set; }
    public bool Deprecated { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Names of event types: words of letters, digits, <c>_</c> and <c>-</c>, joined by dots; at most 128 characters.</summary>
internal static class EventNames
{
    public const int MaxLength = 128;
    public const string Rule = "must be dot-separated words of letters, digits, \"_\" and \"-\", at most 128 characters";

    /// <summary>The rule as a regular expression, for the API reference.</summary>
    public const string Pattern = @"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$";

    public static bool IsType(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > MaxLength || text[0] == '.' || text[^1] == '.') return false;
        var afterDot = false;
        foreach (var c in text)
        {
            if (c == '.' ? afterDot : !(char.IsAsciiLetterOrDigit(c) || c is '_' or '-')) return false;
            afterDot = c == '.';
        }

        return true;
    }

    /// <summary>What an integration may subscribe to: a type, <c>*</c>, or a type's leading words and <c>.*</c>; at most 128 characters, too.</summary>
    public static bool IsPattern(string text) =>
        text == "*" || text.Length <= MaxLength && IsType(text.EndsWith(".*", StringComparison.Ordinal) ? text.AsSpan(0, text.Length - 2) : text);

    /// <summary>Whether a subscription takes events of a type. The engine asks the database the same (dispatcher.event_patterns).</summary>
    public static bool Matches(string pattern, string type) =>
        pattern == "*" || pattern == type
        || (pattern.EndsWith(".*", StringComparison.Ordinal) && type.Length > pattern.Length - 1 && type.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1)));
}
