// Under which of the node's identities permits are held.

namespace Dispatcher.Dispatching;

/// <summary>
/// Permits go with their node: when an identity is removed, so are they. So the one that they are held under counts as in use, and
/// when the node takes on another, the former is kept until the database has heard of permits under the new one. Not thread-safe.
/// </summary>
internal sealed class LeaseIdentity(NodeRegistry node)
{
    private readonly List<NodeIdentity> _former = [];

    /// <summary>Null where there are no permits to hold, or the node is about to register.</summary>
    public NodeIdentity? Current { get; private set; }

    public IReadOnlyList<NodeIdentity> Former => _former;

    /// <summary>Goes on under the node's new identity after the old one was retired or declared dead.</summary>
    public void Follow(List<LaneLimits> lanes)
    {
        if (!lanes.Exists(l => l.ConcurrencyIsLimited || l.Concurrency.IsKnown))
        {
            LetGo();
            return;
        }

        if (Current is { IsLost: true })
        {
            // What was held went to others with the deliveries.
            foreach (var limits in lanes) limits.Lose();
            LetGo();
        }

        if (node.Current is not { } current || current == Current || node.HoldCurrent() is not { } next) return;
        if (Current is { } old)
        {
            _former.Add(old);
            foreach (var limits in lanes) limits.TellNow = true;
        }

        Current = next;
    }

    /// <summary>The database has heard of everything under the current one.</summary>
    public void ForgetFormer()
    {
        foreach (var identity in _former) identity.LetGo(1);
        _former.Clear();
    }

    public void LetGo()
    {
        Current?.LetGo(1);
        Current = null;
        ForgetFormer();
    }
}
