// A bundle: deliveries that one Hangfire job stands for.

using Dispatcher.Dispatching;
using Dispatcher.Platform;

namespace Dispatcher.Hangfire;

/// <summary>
/// In the memory of the node that owns its deliveries; its job knows it by its id. Whoever takes it out of the waiting ones, a worker or
/// the node that waits no longer, has it alone.
/// </summary>
internal sealed class Bundle(Guid id, LaneEntry[] entries, long at)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LaneEntry[] _entries = entries;
    private int _attempted;
    private int _left;

    public Guid Id { get; } = id;

    public int Count { get; } = entries.Length;

    /// <summary>When it began to wait for a worker.</summary>
    public long At { get; } = at;

    /// <summary>The ids of its deliveries by organization, as they stand on the wire.</summary>
    public Dictionary<string, string[]> DeliveryIds() => _entries.GroupBy(e => e.Delivery.Organization, e => Ids.Format(Ids.Delivery, e.Delivery.Id))
        .ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal);

    /// <summary>Has its deliveries sent.</summary>
    public void Release(LaneSet lanes)
    {
        Action<Leaving> onLeft = Left;
        foreach (var (_, delivery) in _entries) delivery.OnLeft = onLeft;
        lanes.Release(_entries);
        // Their payloads need no longer be held than the lanes hold them.
        _entries = [];
    }

    /// <summary>Has its deliveries claimed anew, by whoever comes first.</summary>
    public void GiveBack()
    {
        foreach (var (lane, delivery) in _entries) lane.GiveBack(delivery);
    }

    /// <summary>Has its worker wait no longer. The lanes go on.</summary>
    public void LetGo() => _ended.TrySetResult();

    /// <summary>Waits until every delivery has left its lane, or the worker is wanted elsewhere.</summary>
    public Task WaitAsync() => _ended.Task;

    /// <summary>What became of it so far, for the job's page.</summary>
    public string Summary()
    {
        var (left, attempted) = (Volatile.Read(ref _left), Volatile.Read(ref _attempted));
        var text = $"{Count} {(Count == 1 ? "delivery" : "deliveries")}: {attempted} attempted";
        if (left > attempted) text += $", {left - attempted} given back unsent";
        if (left < Count) text += $", {Count - left} still in their lanes when another bundle needed the worker";
        return text;
    }

    private void Left(Leaving how)
    {
        if (how == Leaving.Recorded) Interlocked.Increment(ref _attempted);
        if (Interlocked.Increment(ref _left) == Count) _ended.TrySetResult();
    }
}
