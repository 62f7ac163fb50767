// A lane: the deliveries of one integration in this node's memory, and the pumps that send them.

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

/// <summary>
/// Sends one integration's deliveries with as many POSTs at once as it may have. A lane shares nothing with other lanes but the
/// thread pool, so a target that hangs holds up its own lane only. It holds about as much as it has lately sent in a moment
/// (<see cref="MinHeld"/> to <see cref="MaxHeld"/>), so that dead targets do not fill the memory either.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The semaphore allocates no handle, and lanes come and go with the load.")]
internal sealed class Lane(LaneSet set, string organization, Guid integration)
{
    public const int MinHeld = 128;
    public const int MaxHeld = 5000;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LoadRetry = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentQueue<Delivery> _queue = new();
    private readonly SemaphoreSlim _loading = new(1, 1);
    private volatile LaneSettings? _settings;
    private volatile bool _stale = true;
    private volatile bool _full;
    private long _bytes;
    private int _held;
    private int _pumps;
    private int _leftBehind;
    private int _capacity = MinHeld * 2;
    private int _sentInWindow;
    private long _windowBegan = set.Time.GetTimestamp();

    /// <summary>Deliveries in memory, those under way included.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Set when the lane has reached its capacity, in number or in payload, until half of it is free: refills come in batches, not one by one.</summary>
    public bool IsFull => _full;

    /// <summary>How many rows the lane would take on now.</summary>
    public int Wanted => _full ? 0 : Math.Max(0, Volatile.Read(ref _capacity) - Held);

    public bool IsIdle => Held == 0 && Volatile.Read(ref _pumps) == 0;

    /// <summary>Notes that rows wait in the database for which there was no room. The lane asks for them when there is.</summary>
    public void LeaveBehind()
    {
        Interlocked.Exchange(ref _leftBehind, 1);
        // The capacity may have shrunk below what is held.
        if (IsAbove(1.0)) BecomeFull();
        if (!_full || !IsAbove(0.5)) HaveRoom();
    }

    /// <summary>Has the settings loaded anew before the next POST.</summary>
    public void Invalidate() => _stale = true;

    public void Enqueue(Delivery delivery)
    {
        Interlocked.Add(ref _bytes, delivery.Payload.Length);
        Interlocked.Increment(ref _held);
        if (!_full && IsAbove(1.0)) BecomeFull();
        _queue.Enqueue(delivery);
    }

    /// <summary>Starts pumps for what is queued, up to the integration's concurrency; one alone until that is known.</summary>
    public void Start()
    {
        var limit = _settings?.MaxConcurrency ?? 1;
        var wanted = Math.Min(limit, Volatile.Read(ref _pumps) + _queue.Count);
        while (true)
        {
            var pumps = Volatile.Read(ref _pumps);
            if (pumps >= wanted) return;
            if (Interlocked.CompareExchange(ref _pumps, pumps + 1, pumps) != pumps) continue;
            set.PumpStarted();
            ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.PumpAsync(), this, preferLocal: false);
        }
    }

    private async Task PumpAsync()
    {
        while (_queue.TryDequeue(out var delivery))
        {
            var how = Leaving.GivenBack;
            try
            {
                how = await HandleAsync(delivery);
            }
            catch (Exception e)
            {
                // A mistake of ours, or the host waits no longer. The lane goes on, and the delivery is not lost: it is given back,
                // after a pause, in case the next try comes to the same.
                set.HandlingFailed(integration, e);
                await Task.Delay(LoadRetry, set.Time, set.Abort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            Leave(delivery, how);
        }

        Interlocked.Decrement(ref _pumps);
        // A delivery may have been queued after this pump saw none and before it was counted off. Its new pump starts before
        // this one ends for the set, which would otherwise take the node for drained.
        if (!_queue.IsEmpty) Start();
        set.PumpEnded();
    }

    /// <summary>Makes the attempt and hands it to the recorder, unless something speaks against it.</summary>
    private async Task<Leaving> HandleAsync(Delivery delivery)
    {
        if (set.IsCancelled(delivery, out var how)) return how;
        if (set.IsStopping) return Leaving.GivenBack;
        if (await SettingsForAsync(delivery) is not { } settings) return Leaving.GivenBack;

        // Last: loading may have waited for the database, and others may have taken the row over meanwhile.
        if (!await set.MaySendAsync(delivery)) return Leaving.GivenBack;
        if (settings.MaxConcurrency > Volatile.Read(ref _pumps) && !_queue.IsEmpty) Start();
        var message = new WebhookMessage(delivery.MessageId, delivery.EventType, delivery.Payload, delivery.Attempts + 1);
        var result = await set.Sender.SendAsync(settings.Target, message, set.Abort);
        if (result.Outcome == SendOutcome.Interrupted) return Leaving.GivenBack;
        await set.Recorder.RecordAsync(new FinishedAttempt(delivery, settings, result), set.Abort);
        CountSent();
        return Leaving.Recorded;
    }

    private void Leave(Delivery delivery, Leaving how)
    {
        if (how == Leaving.GivenBack) set.Recorder.GiveBack(delivery);
        if (how == Leaving.Forgotten) delivery.Owner.LetGo(1);
        Interlocked.Add(ref _bytes, -delivery.Payload.Length);
        Interlocked.Decrement(ref _held);
        set.Left(delivery);
        if (_full && !IsAbove(0.5)) HaveRoom();
    }

    /// <summary>Whether the lane holds that share of its capacity, in number or in payload.</summary>
    private bool IsAbove(double share) =>
        Held >= Volatile.Read(ref _capacity) * share || Volatile.Read(ref _bytes) >= set.MaxLaneBytes * share;

    private void BecomeFull()
    {
        _full = true;
        set.NoteFull(integration);
    }

    private void HaveRoom()
    {
        _full = false;
        set.NoteFull(integration);
        if (Interlocked.Exchange(ref _leftBehind, 0) == 1) set.Ask(integration);
    }

    /// <summary>Settings at least as new as the delivery's row; null when the integration is disabled or deleted.</summary>
    private ValueTask<LaneSettings?> SettingsForAsync(Delivery delivery)
    {
        var settings = _settings;
        var fresh = settings is not null && !_stale && settings.Version >= delivery.IntegrationVersion
            && (settings.RefreshAt is null || settings.RefreshAt > set.Time.GetUtcNow());
        return fresh ? ValueTask.FromResult(settings) : new ValueTask<LaneSettings?>(LoadAsync(delivery));
    }

    private async Task<LaneSettings?> LoadAsync(Delivery delivery)
    {
        await _loading.WaitAsync();
        try
        {
            var settings = _settings;
            if (settings is not null && !_stale && settings.Version >= delivery.IntegrationVersion
                && (settings.RefreshAt is null || settings.RefreshAt > set.Time.GetUtcNow()))
            {
                return settings;
            }

            // Cleared first: a change that comes while we read makes it stale again.
            _stale = false;
            return _settings = await set.Loader.LoadAsync(organization, integration, set.Abort);
        }
        catch (Exception e)
        {
            _stale = true;
            set.LoadFailed(integration, e);
            await Task.Delay(LoadRetry, set.Time, set.Abort).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
        finally
        {
            _loading.Release();
        }
    }

    private void CountSent()
    {
        var sent = Interlocked.Increment(ref _sentInWindow);
        var began = Volatile.Read(ref _windowBegan);
        if (set.Time.GetElapsedTime(began) < Window) return;
        if (Interlocked.CompareExchange(ref _windowBegan, set.Time.GetTimestamp(), began) != began) return;
        Volatile.Write(ref _capacity, Math.Clamp(sent * 2, MinHeld, MaxHeld));
        Volatile.Write(ref _sentInWindow, 0);
    }
}
