// A lane: the deliveries of one integration in this node's memory, and the pumps that send them.

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

/// <summary>
/// Sends one integration's deliveries with as many POSTs at once as it may have. A lane shares nothing with other lanes but the
/// thread pool, so a target that hangs holds up its own lane only. It holds about as much as it has lately sent in a moment
/// (<see cref="MinHeld"/> to <see cref="MaxHeld"/>), and no more than its share of what memory is left (<see cref="LaneSet.MaxLaneHeld"/>),
/// so that dead targets do not fill the memory either. While nothing may be sent it holds nothing.
/// </summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The semaphore allocates no handle, and lanes come and go with the load.")]
internal sealed class Lane(LaneSet set, string organization, Guid integration)
{
    public const int MinHeld = 128;
    public const int MaxHeld = 5000;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LoadRetry = TimeSpan.FromMilliseconds(500);

    private readonly LaneBreaker _breaker = new(set, organization, integration);
    private readonly ConcurrentQueue<Delivery> _queue = new();
    private readonly SemaphoreSlim _loading = new(1, 1);
    private volatile LaneSettings? _settings;
    private volatile LaneLimits? _limits;
    private volatile bool _stale = true;
    private volatile bool _full;
    private long _bytes;
    private int _held;
    private int _pumps;
    private int _leftBehind;
    private int _least = MinHeld;
    private int _most = MaxHeld;
    private int _capacity = MinHeld * 2;
    private int _sentInWindow;
    private long _windowBegan = set.Time.GetTimestamp();

    /// <summary>Deliveries in memory, those under way included.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Deliveries that no pump has begun with.</summary>
    public int Queued => _queue.Count;

    /// <summary>
    /// Set when the lane has reached its capacity, in number or in payload, until half of it is free: refills come in batches, not one by
    /// one. Also while other nodes have all its permits.
    /// </summary>
    public bool IsFull => _full || IsDenied;

    /// <summary>Whether other nodes have all its permits.</summary>
    public bool IsDenied => _limits is { IsDenied: true };

    /// <summary>How many rows the lane would take on now.</summary>
    public int Wanted => IsFull ? 0 : Math.Max(0, Capacity - Held);

    public bool IsIdle => Held == 0 && Volatile.Read(ref _pumps) == 0 && _limits is not { IsActive: true };

    /// <summary>Whether a delivery that waits for permit or token should not go on waiting before others have been asked.</summary>
    public bool MustLookAgain => _stale || set.IsStopping || _breaker.IsParked;

    private int Capacity => Math.Min(Volatile.Read(ref _capacity), set.MaxLaneHeld);

    /// <summary>How many pumps may run.</summary>
    private int MaxPumps
    {
        get
        {
            if (_settings is not { } settings) return 1;
            return _limits is { } limits ? Math.Min(settings.MaxConcurrency, limits.MaxPumps) : settings.MaxConcurrency;
        }
    }

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

    /// <summary>Counts a delivery that is in memory from now on. It is sent once it is <see cref="Enqueue"/>d.</summary>
    public void Count(Delivery delivery)
    {
        Interlocked.Add(ref _bytes, delivery.Payload.Length);
        Interlocked.Increment(ref _held);
        if (!_full && IsAbove(1.0)) BecomeFull();
    }

    /// <summary>Queues a delivery that was counted.</summary>
    public void Enqueue(Delivery delivery) => _queue.Enqueue(delivery);

    /// <summary>Gives a delivery back that was counted and is not to be queued.</summary>
    public void GiveBack(Delivery delivery) => Leave(delivery, Leaving.GivenBack);

    /// <summary>Starts pumps for what is queued, up to the integration's concurrency; one alone until that is known.</summary>
    public void Start()
    {
        var wanted = Math.Min(MaxPumps, Volatile.Read(ref _pumps) + _queue.Count);
        while (true)
        {
            var pumps = Volatile.Read(ref _pumps);
            if (pumps >= wanted) return;
            if (Interlocked.CompareExchange(ref _pumps, pumps + 1, pumps) != pumps) continue;
            set.PumpStarted();
            ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.PumpAsync(), this, preferLocal: false);
        }
    }

    /// <summary>Gives back what is queued beyond the lane's share of the memory, oldest first: those are claimed first again.</summary>
    public void Shed()
    {
        while (Held > set.MaxLaneHeld && _queue.TryDequeue(out var delivery)) Leave(delivery, Leaving.GivenBack);
    }

    /// <summary>Has pumps run, and rows claimed, now that there are permits.</summary>
    public void Resume()
    {
        NoteFull();
        Start();
        set.Ask(integration);
    }

    /// <summary>Tells the set whether this is one of the full lanes.</summary>
    public void NoteFull() => set.NoteFull(integration);

    private async Task PumpAsync()
    {
        while (!EndsEarly())
        {
            if (!_queue.TryDequeue(out var delivery))
            {
                Interlocked.Decrement(ref _pumps);
                // A delivery may have been queued after this pump saw none and before it was counted off. Its new pump starts before
                // this one ends for the set, which would otherwise take the node for drained.
                if (!_queue.IsEmpty) Start();
                break;
            }

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

        set.PumpEnded();
    }

    /// <summary>Counts this pump off if fewer may run than do, because a limit has become lower. The others have the queue.</summary>
    private bool EndsEarly()
    {
        while (true)
        {
            var pumps = Volatile.Read(ref _pumps);
            if (pumps <= MaxPumps) return false;
            if (Interlocked.CompareExchange(ref _pumps, pumps - 1, pumps) == pumps) return true;
        }
    }

    /// <summary>Makes the attempt and hands it to the recorder, unless something speaks against it.</summary>
    private async Task<Leaving> HandleAsync(Delivery delivery)
    {
        var pass = await AdmitAsync(delivery);
        if (pass.Settings is not { } settings) return pass.Otherwise;
        try
        {
            // Last: what came before may have waited for the database, and others may have taken the row over meanwhile.
            if (!await set.MaySendAsync(delivery)) return Leaving.GivenBack;
            if (MaxPumps > Volatile.Read(ref _pumps) && !_queue.IsEmpty) Start();
            var message = new WebhookMessage(delivery.MessageId, delivery.EventType, delivery.Payload, delivery.Attempts + 1);
            var result = await set.Sender.SendAsync(settings.Target, message, set.Abort);
            if (result.Outcome == SendOutcome.Interrupted) return Leaving.GivenBack;
            await set.Recorder.RecordAsync(new FinishedAttempt(delivery, settings, result), set.Abort);
            await _breaker.JudgeAsync(settings, result, pass.IsProbe);
            CountSent();
            return Leaving.Recorded;
        }
        finally
        {
            pass.Limits?.Leave(pass.Entry);
            if (pass.IsProbe) _breaker.ProbeEnded();
        }
    }

    /// <summary>Waits for whatever a POST needs. Completes at once where the settings are known, there are no limits, and the breaker is closed.</summary>
    private async ValueTask<Pass> AdmitAsync(Delivery delivery)
    {
        while (true)
        {
            if (set.IsCancelled(delivery, out var how)) return Pass.No(how);
            if (set.IsStopping || _breaker.IsParked) return Pass.No(Leaving.GivenBack);
            if (await SettingsForAsync(delivery) is not { } settings) return Pass.No(Leaving.GivenBack);
            var limits = _limits;
            var entry = Entry.Free;
            if (limits is not null)
            {
                entry = await limits.EnterAsync(this, set.Stopping);
                if (entry == Entry.LookAgain) continue;
                if (entry == Entry.Refused) return Pass.No(Leaving.GivenBack);
                // That may have taken long: by now there may be other settings, and the delivery may have been cancelled.
                if (set.IsCancelled(delivery, out how) || _settings is not { } latest || _stale)
                {
                    limits.Leave(entry);
                    continue;
                }

                settings = latest;
            }

            var pass = new Pass(settings, limits, entry, IsProbe: false, default);
            if (!_breaker.IsOpen) return pass;
            bool? probe = null;
            try
            {
                probe = await _breaker.MayProbeAsync(settings);
            }
            finally
            {
                if (probe is null) limits?.Leave(entry);
            }

            return probe is null ? Pass.No(Leaving.GivenBack) : pass with { IsProbe = probe.Value };
        }
    }

    private void Leave(Delivery delivery, Leaving how)
    {
        if (how == Leaving.GivenBack) set.Recorder.GiveBack(delivery);
        if (how == Leaving.Forgotten) delivery.Owner.LetGo(1);
        Interlocked.Add(ref _bytes, -delivery.Payload.Length);
        Interlocked.Decrement(ref _held);
        set.Left(delivery);
        delivery.OnLeft?.Invoke(how);
        if (_full && !IsAbove(0.5)) HaveRoom();
    }

    /// <summary>Whether the lane holds that share of its capacity, in number or in payload.</summary>
    private bool IsAbove(double share) =>
        Held >= Capacity * share || Volatile.Read(ref _bytes) >= set.MaxLaneBytes * share;

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
            var loaded = await set.Loader.LoadAsync(organization, integration, set.Abort);
            if (loaded is not null) Limit(loaded);
            return _settings = loaded;
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
        Volatile.Write(ref _capacity, Math.Clamp(sent * 2, _least, _most));
        Volatile.Write(ref _sentInWindow, 0);
    }

    /// <summary>Takes on the limits of settings that come into use. What others may send instead is not kept here in numbers.</summary>
    private void Limit(LaneSettings settings)
    {
        var limits = settings.IsLimited ? _limits ?? new LaneLimits(set.Leases, organization, integration) : null;
        (limits ?? _limits)?.Apply(this, settings);
        _limits = limits;
        _least = Math.Min(MinHeld, settings.ConcurrencyLimit is { } most ? 8 + (most * 4) : MinHeld);
        _most = MaxHeld;
        if (settings.RateLimit is { } rate) _most = Math.Clamp(rate * 2, 2, MaxHeld);
        _least = Math.Min(_least, _most);
        if (limits is not null) Volatile.Write(ref _capacity, _least);
    }

    /// <summary>What a delivery was given for its attempt.</summary>
    /// <param name="Settings">To send with; null: it is not sent.</param>
    /// <param name="Limits">Those that it was let in by, if there are any.</param>
    /// <param name="Entry">What they gave.</param>
    /// <param name="IsProbe">Whether it is the one that shows whether the target is well again.</param>
    /// <param name="Otherwise">How it leaves when it is not sent.</param>
    private readonly record struct Pass(LaneSettings? Settings, LaneLimits? Limits, Entry Entry, bool IsProbe, Leaving Otherwise)
    {
        public static Pass No(Leaving how) => new(null, null, Entry.Free, false, how);
    }
}
