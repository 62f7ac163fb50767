// When a failed delivery is tried again: pure arithmetic. Time and chance are passed in.

using System.Globalization;

namespace Dispatcher.Retries;

/// <summary>The one place that knows the retry schedule.</summary>
internal static class RetrySchedule
{
    /// <summary>No delay is longer than this, whatever the policy says.</summary>
    public static readonly TimeSpan MaxDelay = TimeSpan.FromHours(24);

    /// <summary>A receiver's <c>Retry-After</c> counts for no more than this.</summary>
    public static readonly TimeSpan MaxRetryAfter = TimeSpan.FromHours(1);

    // The three forms of RFC 9110, section 5.6.7: the current one, RFC 850's, and asctime's.
    private static readonly string[] DateFormats =
    [
        "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
        "dddd, dd-MMM-yy HH:mm:ss 'GMT'",
        "ddd MMM d HH:mm:ss yyyy",
    ];

    /// <summary>
    /// The wait after the <paramref name="failedAttempts"/>-th failure: <c>base * 2^(n-1)</c> seconds, plus jitter, or the
    /// receiver's <paramref name="retryAfter"/> where that is later. Null when the attempts are used up.
    /// </summary>
    /// <param name="failedAttempts">Attempts that have failed so far, from 1.</param>
    /// <param name="policy">The integration's settings.</param>
    /// <param name="random01">Where in the jitter's span this delay falls: 0 adds nothing, 1 adds all of it.</param>
    /// <param name="retryAfter">What the receiver asked for, if it did.</param>
    public static TimeSpan? DelayAfter(int failedAttempts, in RetryPolicy policy, double random01, TimeSpan? retryAfter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(failedAttempts, 1);
        if (failedAttempts >= policy.MaxAttempts) return null;

        // Doubles run to infinity rather than overflow, and the cap brings infinity back.
        var seconds = Math.ScaleB(policy.BaseSeconds, failedAttempts - 1) * (1 + (policy.JitterRatio * random01));
        var delay = seconds < MaxDelay.TotalSeconds ? TimeSpan.FromSeconds(seconds) : MaxDelay;

        var asked = retryAfter < MaxRetryAfter ? retryAfter.Value : retryAfter is null ? TimeSpan.Zero : MaxRetryAfter;
        return asked > delay ? asked : delay;
    }

    /// <summary>
    /// Reads a <c>Retry-After</c> header: whole seconds, or an HTTP date relative to <paramref name="now"/>. A negative number
    /// and a date in the past are zero; anything else is null.
    /// </summary>
    public static TimeSpan? ParseRetryAfter(string? header, DateTimeOffset now)
    {
        var text = header.AsSpan().Trim();
        if (IsInteger(text)) return ParseSeconds(text);

        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite;
        if (!DateTimeOffset.TryParseExact(text, DateFormats, CultureInfo.InvariantCulture, Utc, out var date)) return null;
        return date > now ? date - now : TimeSpan.Zero;
    }

    private static bool IsInteger(ReadOnlySpan<char> text)
    {
        var digits = text is ['-', ..] ? text[1..] : text;
        return !digits.IsEmpty && !digits.ContainsAnyExceptInRange('0', '9');
    }

    private static TimeSpan ParseSeconds(ReadOnlySpan<char> text)
    {
        if (text[0] == '-') return TimeSpan.Zero;

        // A number too long for an int asks for 68 years or more: it is as good as the largest one.
        var seconds = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : int.MaxValue;
        return TimeSpan.FromSeconds(seconds);
    }
}
