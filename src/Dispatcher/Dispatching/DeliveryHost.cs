// Who has deliveries sent that came to this node's memory: the process itself, or workers of another make.

namespace Dispatcher.Dispatching;

/// <summary>A delivery that counts in its lane, and is not queued there yet.</summary>
internal readonly record struct LaneEntry(Lane Lane, Delivery Delivery);

/// <summary>
/// What runs the lanes. Whatever it is, a delivery goes through its lane: order, limits, breakers, signing, sending and recording are
/// the same.
/// </summary>
internal interface IDeliveryHost
{
    /// <summary>
    /// Takes deliveries on, without waiting. Each is released to its lane (<see cref="LaneSet.Release"/>) or given back
    /// (<see cref="Lane.GiveBack"/>), exactly once.
    /// </summary>
    void Take(LaneSet lanes, LaneEntry[] counted);
}

/// <summary>Sends at once, on the threads of this process. The default.</summary>
internal sealed class InProcessHost : IDeliveryHost
{
    public void Take(LaneSet lanes, LaneEntry[] counted) => lanes.Release(counted);
}
