// The payload that every figure sends: JSON of a fixed length that says which event it is and when it was sent, so that the receiver
// can tell from the bytes alone what arrived and whether anything on the way touched them.
using System.Buffers;
using System.Buffers.Text;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>
/// Writes and checks payloads. The text has what a careless server would change by parsing and writing it again: odd spacing, an escape,
/// a trailing zero, unsorted members.
/// </summary>
internal static class Payload
{
    private const int RoundDigits = 6, NumberDigits = 10, SentDigits = 19, CheckDigits = 16;

    private static ReadOnlySpan<byte> Template =>
        """
        {"job_id":"bench_000000_0000000000","status":"successful","sent_at":"0000000000000000000", "check":"0000000000000000",
         "usage":{"pages_parsed":10,"cost" : 1.50},"note":"as it came: \u00e9, / and <&>"}
        """u8;

    private static readonly int RoundAt = Template.IndexOf("bench_"u8) + "bench_".Length;
    private static readonly int NumberAt = RoundAt + RoundDigits + 1;
    private static readonly int SentAt = Template.IndexOf("sent_at"u8) + "sent_at\":\"".Length;
    private static readonly int CheckAt = Template.IndexOf("check"u8) + "check\":\"".Length;

    /// <summary>Bytes of every payload, about 200.</summary>
    public static int Length => Template.Length;

    /// <summary>Fills <paramref name="destination"/> (at least <see cref="Length"/> bytes) with the payload of one event.</summary>
    /// <param name="destination">Where the payload goes.</param>
    /// <param name="round">The round that the event belongs to, 0 to 999,999.</param>
    /// <param name="number">Its number in that round, from 0.</param>
    /// <param name="sentAt">Stopwatch ticks: a monotonic clock that all processes of one machine share.</param>
    public static void Write(Span<byte> destination, int round, int number, long sentAt)
    {
        Template.CopyTo(destination);
        Utf8Formatter.TryFormat(round, destination[RoundAt..], out _, new StandardFormat('D', RoundDigits));
        Utf8Formatter.TryFormat(number, destination[NumberAt..], out _, new StandardFormat('D', NumberDigits));
        Utf8Formatter.TryFormat(sentAt, destination[SentAt..], out _, new StandardFormat('D', SentDigits));
        var check = Mix(Mix(((ulong)round << 32) | (uint)number) ^ (ulong)sentAt);
        check.TryFormat(destination[CheckAt..], out _, "x16", null);
    }

    /// <summary>True when <paramref name="body"/> is, byte for byte, a payload that <see cref="Write"/> made.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out int round, out int number, out long sentAt)
    {
        (round, number, sentAt) = (0, 0, 0);
        if (body.Length != Length
            || !Utf8Parser.TryParse(body.Slice(RoundAt, RoundDigits), out round, out var roundDigits) || roundDigits != RoundDigits
            || !Utf8Parser.TryParse(body.Slice(NumberAt, NumberDigits), out number, out var numberDigits) || numberDigits != NumberDigits
            || !Utf8Parser.TryParse(body.Slice(SentAt, SentDigits), out sentAt, out var sentDigits) || sentDigits != SentDigits)
            return false;

        Span<byte> expected = stackalloc byte[Length];
        Write(expected, round, number, sentAt);
        return body.SequenceEqual(expected);
    }

    // The finalizer of SplitMix64: spreads every input bit, so that a changed digit of the time shows too.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
