// UUIDv7s that sort in the order in which they were made, within a millisecond too.

using System.Buffers.Binary;

namespace Dispatcher.Platform;

/// <summary>Makes UUIDv7s for one process.</summary>
internal sealed class UuidSequence
{
    private const int CounterBits = 12;
    private const int MaxBehindMilliseconds = 1000;

    // Milliseconds since 1970 and the counter below them, as one number.
    private long _last;

    /// <summary>
    /// A UUIDv7 that sorts after every one made before it. The twelve bits below the time count on within a millisecond, from a random
    /// start (RFC 9562, section 6.2, method 1); more than they can count borrow from the milliseconds to come. A clock that was set
    /// back by more than a second is followed back.
    /// </summary>
    public Guid Next(DateTimeOffset now)
    {
        var milliseconds = now.ToUnixTimeMilliseconds();
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            var behind = (last >> CounterBits) - milliseconds;
            next = behind is >= 0 and < MaxBehindMilliseconds
                ? last + 1
                : (milliseconds << CounterBits) | (uint)Random.Shared.Next(1 << (CounterBits - 1));
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);

        const int version = 0x7000, variant = 0x80;
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, ((next >> CounterBits) << 16) | version | (next & ((1 << CounterBits) - 1)));
        Random.Shared.NextBytes(bytes[8..]);
        bytes[8] = (byte)(variant | (bytes[8] & 0x3f));
        return new Guid(bytes, bigEndian: true);
    }
}
