// A delivery in a node's memory, from the moment the node owns its row to the moment the row is recorded or given back.

namespace Dispatcher.Dispatching;

/// <summary>One event for one integration, owned by this node.</summary>
internal sealed class Delivery
{
    public required Guid Id { get; init; }
    public required Guid EventId { get; init; }

    /// <summary>The event's id as receivers see it.</summary>
    public required string MessageId { get; init; }
    public required string Organization { get; init; }
    public required string? Project { get; init; }
    public required string EventType { get; init; }
    public required byte[] Payload { get; init; }
    public required Guid IntegrationId { get; init; }

    /// <summary>The integration's version when the row was accepted or claimed: settings must be at least as new.</summary>
    public required int IntegrationVersion { get; init; }
    public required NodeIdentity Owner { get; init; }

    /// <summary>Failed attempts so far.</summary>
    public int Attempts { get; init; }

    /// <summary>The retention class that its row is in.</summary>
    public required short Retention { get; init; }

    /// <summary>Attempts made before the last manual retry; the schedule counts from here.</summary>
    public int RoundStart { get; init; }

    /// <summary>Told once, when it leaves memory; null where nobody asks.</summary>
    public Action<Leaving>? OnLeft { get; set; }
}

/// <summary>How a delivery leaves a node's memory.</summary>
internal enum Leaving
{
    /// <summary>An attempt was made, and the recorder has it.</summary>
    Recorded,

    /// <summary>Unsent: its row is freed for whoever claims next.</summary>
    GivenBack,

    /// <summary>Unsent: its row has gone, or is that of a newer delivery in memory.</summary>
    Forgotten,
}

/// <summary>
/// What this node may take on now, held for the length of one statement: until it is disposed of, the identity counts as in use,
/// so that rows on their way into memory are never taken for rows that nobody has.
/// </summary>
internal sealed class Holding(NodeIdentity? owner, int room, Guid[] fullLanes) : IDisposable
{
    /// <summary>The identity that rows are taken under; null where the node sends nothing.</summary>
    public NodeIdentity? Owner { get; } = owner;

    /// <summary>How many further deliveries fit in memory.</summary>
    public int Room { get; } = room;

    /// <summary>Integrations that have as many in memory as they may have.</summary>
    public Guid[] FullLanes { get; } = fullLanes;

    public void Dispose() => Owner?.LetGo(1);
}
