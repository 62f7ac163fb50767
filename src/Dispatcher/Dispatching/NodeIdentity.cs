// Who owns rows: a node under one of its identities.

namespace Dispatcher.Dispatching;

/// <summary>A row of the table node. A node has one current identity, and for a while retired ones, whose deliveries it still finishes.</summary>
internal sealed class NodeIdentity(int id)
{
    private int _held;

    public int Id { get; } = id;

    /// <summary>Deliveries in memory under this identity.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Set once the database has shown that the identity was declared dead: its rows are others' now.</summary>
    public bool IsLost { get; private set; }

    public void Hold(int count) => Interlocked.Add(ref _held, count);

    public void LetGo(int count) => Interlocked.Add(ref _held, -count);

    public void MarkLost() => IsLost = true;
}
