// All lanes of this node, and the bounds on what they hold together.

using System.Collections.Concurrent;
using Dispatcher.Platform;
using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

internal sealed partial class LaneSet(
    WebhookSender sender, Recorder recorder, LaneSettingsLoader loader, NodeRegistry node, LimitLeases leases, OpenBreakers breakers, Wakeup wakeup,
    IDeliveryHost host, DispatcherOptions options, TimeProvider time, ILogger<LaneSet> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan FencePoll = TimeSpan.FromMilliseconds(200);

    /// <summary>What a lane may hold even when the node's memory is full, so that dead targets that fill it do not stop the others.</summary>
    private const int Reserve = 8;

    private static readonly TimeSpan CancellationsKept = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<Guid, Lane> _lanes = new();
    private readonly ConcurrentDictionary<Guid, Lane> _full = new();
    private readonly ConcurrentDictionary<Guid, Cancellation> _cancelled = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _maxBytes = options.Delivery.MaxPendingMegabytes * 1024L * 1024L;
    private long _bytes;
    private int _held;
    private int _pumps;
    private int _wantsRoom;
    private volatile bool _stopping;

    public WebhookSender Sender => sender;
    public Recorder Recorder => recorder;
    public LaneSettingsLoader Loader => loader;
    public LimitLeases Leases => leases;
    public OpenBreakers Breakers => breakers;
    public TimeProvider Time => time;

    /// <summary>Set once the node is asked to stop: what is under way is finished, the rest is given back.</summary>
    public bool IsStopping => _stopping;

    /// <summary>Cancelled when <see cref="IsStopping"/> is set.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>Cancelled when stopping takes longer than the host allows.</summary>
    public CancellationToken Abort => _abort.Token;

    /// <summary>
    /// What one lane may hold before it counts as full: half of what is free. However many targets are dead, there is room left for the
    /// next lane, and the more they are, the less each of them holds.
    /// </summary>
    public int MaxLaneHeld => Math.Max(Reserve, (options.Delivery.MaxPendingInMemory - Held) / 2);

    /// <summary>The same for payload, and an eighth of all at most: few large events of a dead target must not fill the memory.</summary>
    public long MaxLaneBytes => Math.Max(1, Math.Min(_maxBytes / 8, (_maxBytes - Volatile.Read(ref _bytes)) / 2));

    /// <summary>Deliveries in memory.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Integrations that have a lane.</summary>
    public int Count => _lanes.Count;

    /// <summary>Pumps that run: each works on one delivery.</summary>
    public int Pumps => Volatile.Read(ref _pumps);

    /// <summary>What may be taken on now. Dispose of it when the rows taken are enqueued.</summary>
    public Holding Hold()
    {
        var owner = _stopping ? null : node.HoldCurrent();
        return new Holding(owner, Room, FullLanes());
    }

    /// <summary>Integrations that have as many in memory as they may have, and those whose breaker is open.</summary>
    public Guid[] FullLanes() => [.. _full.Keys, .. breakers.Parked()];

    /// <summary>How many rows of the integration should be claimed now; when there is no room, the lane asks again once there is.</summary>
    public int WantedBy(Guid integration)
    {
        _lanes.TryGetValue(integration, out var lane);
        // Without a permit not even the probe. Permits, and the probe's time, are asked for by whoever waits for them.
        if (lane is { IsDenied: true }) return 0;
        if (breakers.Find(integration) is { } open) return open.Over <= breakers.Now && lane is not { Held: > 0 } ? 1 : 0;
        var wanted = lane?.Wanted ?? Lane.MinHeld;
        var room = Room;
        if (wanted > 0 && room > 0) return Math.Min(wanted, room);
        if (wanted == 0) lane!.LeaveBehind();
        else Volatile.Write(ref _wantsRoom, 1);
        var spare = HasReserve ? Math.Min(wanted, Reserve - (lane?.Held ?? 0)) : 0;
        return Math.Max(0, spare);
    }

    private int Room => Volatile.Read(ref _bytes) >= _maxBytes ? 0 : Math.Max(0, options.Delivery.MaxPendingInMemory - Held);

    private bool HasReserve => Held < options.Delivery.MaxPendingInMemory * 2 && Volatile.Read(ref _bytes) < _maxBytes * 2;

    /// <summary>Takes on deliveries that this node owns from now on, and hands them to its host.</summary>
    public void Enqueue(List<Delivery> deliveries)
    {
        if (deliveries.Count == 0) return;
        deliveries[0].Owner.Hold(deliveries.Count);
        Interlocked.Add(ref _held, deliveries.Count);
        Interlocked.Add(ref _bytes, deliveries.Sum(d => (long)d.Payload.Length));
        var counted = new LaneEntry[deliveries.Count];
        for (var i = 0; i < counted.Length; i++)
        {
            var delivery = deliveries[i];
            // Cancelled and retried since: this is the one to send, and an older one of the same row is not.
            if (_cancelled.ContainsKey(delivery.Id)) _cancelled[delivery.Id] = new Cancellation(delivery, time.GetTimestamp());
            var lane = _lanes.GetOrAdd(delivery.IntegrationId, static (id, a) => new Lane(a.Set, a.Organization, id), (Set: this, delivery.Organization));
            lane.Count(delivery);
            counted[i] = new LaneEntry(lane, delivery);
        }

        host.Take(this, counted);
    }

    /// <summary>Has deliveries sent that were counted: each comes here once, or goes back.</summary>
    public void Release(ReadOnlySpan<LaneEntry> counted)
    {
        var touched = new HashSet<Lane>();
        foreach (var (lane, delivery) in counted)
        {
            lane.Enqueue(delivery);
            touched.Add(lane);
        }

        // A batch may have brought one lane more than its share; where room is short, the others need it.
        var scarce = Held > options.Delivery.MaxPendingInMemory / 8 * 7;
        foreach (var lane in touched)
        {
            lane.Start();
            if (scarce) lane.Shed();
        }
    }

    /// <summary>Whether the delivery's row is surely ours to send. Waits while the database is silent; false once the row is others' or we stop.</summary>
    public ValueTask<bool> MaySendAsync(Delivery delivery) =>
        node.MaySend(delivery.Owner) ? ValueTask.FromResult(true) : new ValueTask<bool>(WaitToSendAsync(delivery));

    public void Invalidate(Guid integration)
    {
        if (_lanes.TryGetValue(integration, out var lane)) lane.Invalidate();
        breakers.Forget(integration);
        wakeup.Ask(integration);
    }

    /// <summary>Has a delivery dropped that may be in memory: its row has gone already.</summary>
    public void Cancel(Guid delivery)
    {
        if (Held > 0) _cancelled[delivery] = new Cancellation(null, time.GetTimestamp());
    }

    /// <summary>Whether the delivery was cancelled while in memory, and how it then leaves: its row may be that of a newer one.</summary>
    public bool IsCancelled(Delivery delivery, out Leaving how)
    {
        how = Leaving.GivenBack;
        if (!_cancelled.TryGetValue(delivery.Id, out var cancelled) || cancelled.Newer == delivery) return false;
        if (cancelled.Newer is not null) how = Leaving.Forgotten;
        return true;
    }

    /// <summary>After notifications may have been missed: every lane looks again.</summary>
    public void InvalidateAll()
    {
        foreach (var lane in _lanes.Values) lane.Invalidate();
        wakeup.AskAll();
    }

    public void PumpStarted() => Interlocked.Increment(ref _pumps);

    public void PumpEnded()
    {
        if (Interlocked.Decrement(ref _pumps) == 0 && _stopping) _drained.TrySetResult();
    }

    public void Left(Delivery delivery)
    {
        var bytes = Interlocked.Add(ref _bytes, -delivery.Payload.Length);
        var held = Interlocked.Decrement(ref _held);
        if (held == 0 && !_cancelled.IsEmpty) _cancelled.Clear();
        // Half of it free, so that what was left behind comes in batches.
        if (_wantsRoom == 1 && held <= options.Delivery.MaxPendingInMemory / 2 && bytes <= _maxBytes / 2
            && Interlocked.Exchange(ref _wantsRoom, 0) == 1) wakeup.AskAll();
    }

    public void Ask(Guid integration) => wakeup.Ask(integration);

    /// <summary>Keeps account of the lanes that are full. Looks twice: two threads of a lane may tell of its changes in any order.</summary>
    public void NoteFull(Guid integration)
    {
        if (!_lanes.TryGetValue(integration, out var lane)) return;
        if (lane.IsFull) _full[integration] = lane;
        if (!lane.IsFull) _full.TryRemove(integration, out _);
    }

    public void JudgingFailed(Guid integration, Exception error) => LogJudgingFailed(Ids.Format(Ids.Integration, integration), error.Message);

    public void HandlingFailed(Guid integration, Exception error)
    {
        if (!_abort.IsCancellationRequested) LogHandlingFailed(error, Ids.Format(Ids.Integration, integration));
    }

    public void LoadFailed(Guid integration, Exception error)
    {
        if (!_stopping) LogLoadFailed(Ids.Format(Ids.Integration, integration), error.Message);
    }

    /// <summary>Forgets lanes that have nothing to do, so that integrations that were once busy cost nothing.</summary>
    public void DropIdle()
    {
        // Lanes are cheap to make again; one that gets a delivery at this very moment keeps it, because pumps hold the lane itself.
        foreach (var (id, lane) in _lanes)
            if (lane.IsIdle) _lanes.TryRemove(KeyValuePair.Create(id, lane));
        // What a node that is never idle heard long ago. Should the delivery still be in memory, its record will find no row of it.
        foreach (var (id, cancelled) in _cancelled)
            if (time.GetElapsedTime(cancelled.At) > CancellationsKept) _cancelled.TryRemove(KeyValuePair.Create(id, cancelled));
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        node.Report(() => Pumps);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _stopping = true;
        await _stop.CancelAsync();
        // A full fence between the write and the read: else the last pump could miss the one, and we the other.
        if (Interlocked.CompareExchange(ref _pumps, 0, 0) == 0) _drained.TrySetResult();
        try
        {
            await _drained.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            LogAborted(Held);
            await _abort.CancelAsync();
            await _drained.Task;
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _abort.Dispose();
    }

    private async Task<bool> WaitToSendAsync(Delivery delivery)
    {
        while (!node.MaySend(delivery.Owner))
        {
            if (_stopping || delivery.Owner.IsLost) return false;
            await Task.Delay(FencePoll, time, _abort.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settings of {Integration} could not be loaded: {Reason}")]
    private partial void LogLoadFailed(string integration, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The circuit breaker of {Integration} could not be moved: {Reason}")]
    private partial void LogJudgingFailed(string integration, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A delivery to {Integration} could not be handled and is given back")]
    private partial void LogHandlingFailed(Exception error, string integration);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Stopping took too long: POSTs under way are broken off; {Held} deliveries are given back and will be sent again")]
    private partial void LogAborted(int held);

    /// <param name="Newer">The delivery that came to memory under the same id after the cancellation, if one did.</param>
    /// <param name="At">When it was heard of.</param>
    private sealed record Cancellation(Delivery? Newer, long At);
}
