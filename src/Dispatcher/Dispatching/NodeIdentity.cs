// Who owns rows: a node under one of its identities.

namespace Dispatcher.Dispatching;

/// <summary>A row of the table node. A node has one current identity, and for a while retired ones, whose deliveries it still finishes.</summary>
internal sealed class NodeIdentity(int id)
{
    private int _held;
    private Beat? _renewed;

    public int Id { get; } = id;

    /// <summary>Deliveries in memory under this identity.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Set once the database has shown that the identity was declared dead: its rows are others' now.</summary>
    public bool IsLost { get; private set; }

    /// <summary>When its heartbeat was renewed last, as known to this process; null before it was for the first time.</summary>
    public Beat? Renewed => Volatile.Read(ref _renewed);

    public void Renew(Beat beat) => Volatile.Write(ref _renewed, beat);

    public void Hold(int count) => Interlocked.Add(ref _held, count);

    public void LetGo(int count) => Interlocked.Add(ref _held, -count);

    public void MarkLost() => IsLost = true;
}

/// <summary>An instant on both clocks: one that nobody sets but that may stand still while the machine sleeps, and one that tells the time.</summary>
internal sealed record Beat(long At, DateTimeOffset Clock)
{
    public static Beat Now(TimeProvider time) => new(time.GetTimestamp(), time.GetUtcNow());

    /// <summary>Whether less than a span has passed since by either clock. A clock that was set forward errs on the safe side, for a beat.</summary>
    public bool IsWithin(TimeSpan span, TimeProvider time) => time.GetElapsedTime(At) < span && time.GetUtcNow() - Clock < span;
}

/// <summary>Heartbeats that went through one after the other, so that the database has been there all along.</summary>
internal sealed record UnbrokenBeats(Beat First, Beat Last)
{
    /// <summary>The row of beats with one more, or a new one where the gap was too long.</summary>
    public static UnbrokenBeats After(UnbrokenBeats? before, Beat beat, TimeSpan gap, TimeProvider time) =>
        before is not null && time.GetElapsedTime(before.Last.At, beat.At) < gap && beat.Clock - before.Last.Clock < gap
            ? before with { Last = beat }
            : new UnbrokenBeats(beat, beat);

    /// <summary>Whether the row began that long ago, and goes on.</summary>
    public bool HaveLasted(TimeSpan span, TimeProvider time) => !First.IsWithin(span, time) && Last.IsWithin(span, time);
}
