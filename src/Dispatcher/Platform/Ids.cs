// Prefixed, time-sortable ids as they stand on the wire: a prefix that names the kind, and a UUIDv7 in 32 hex digits.

namespace Dispatcher.Platform;

/// <summary>Formats and parses ids such as <c>evt_01890a5d96f07c3e8f1d2b3a4c5d6e7f</c>. Their text sorts by time.</summary>
internal static class Ids
{
    public const string Integration = "int_";
    public const string Event = "evt_";
    public const string Delivery = "dlv_";
    public const string ApiKey = "key_";
    public const string Organization = "org_";
    public const string Project = "prj_";
    public const string Job = "job_";
    public const string Task = "tsk_";
    public const string Audit = "aud_";
    public const string PortalSession = "pts_";

    private static readonly UuidSequence Sequence = new();

    public static string Format(string prefix, Guid id) => string.Create(36, (prefix, id), static (span, state) =>
    {
        state.prefix.CopyTo(span);
        state.id.TryFormat(span[4..], out _, "N");
    });

    /// <summary>A new id of the kind, from the clock given.</summary>
    public static string New(string prefix, TimeProvider time) => Format(prefix, NewUuid(time.GetUtcNow()));

    /// <summary>A new UUIDv7 of that time; see <see cref="UuidSequence.Next"/>.</summary>
    public static Guid NewUuid(DateTimeOffset now) => Sequence.Next(now);

    /// <summary>Parses an id of exactly this kind; anything else, the same UUID under another prefix included, is refused.</summary>
    public static bool TryParse(string prefix, string? text, out Guid id)
    {
        id = default;
        return text is { Length: 36 } && text.StartsWith(prefix, StringComparison.Ordinal) && Guid.TryParseExact(text.AsSpan(4), "N", out id);
    }

    /// <summary>The instant that a UUIDv7 was made at, to the millisecond.</summary>
    public static DateTimeOffset TimeOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        var milliseconds = 0L;
        foreach (var b in bytes[..6]) milliseconds = (milliseconds << 8) | b;
        return DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
    }

    /// <summary>The smallest UUID of an instant: everything made before it sorts below. Nothing was made before 1970.</summary>
    public static Guid Floor(DateTimeOffset time)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        var milliseconds = Math.Max(0, time.ToUnixTimeMilliseconds());
        for (var i = 5; i >= 0; i--, milliseconds >>= 8) bytes[i] = (byte)milliseconds;
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>The range of ids that share this one's first eight bytes: an event's id, and its deliveries' ids, lie in it.</summary>
    public static (Guid First, Guid Last) Siblings(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[8..].Clear();
        var first = new Guid(bytes, bigEndian: true);
        bytes[8..].Fill(0xff);
        return (first, new Guid(bytes, bigEndian: true));
    }
}
