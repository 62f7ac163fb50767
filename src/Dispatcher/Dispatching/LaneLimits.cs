// What a lane waits for before a POST, where its integration has limits: a permit, then a token. Lanes without limits have none of this.

using System.Diagnostics.CodeAnalysis;

namespace Dispatcher.Dispatching;

/// <summary>What came of waiting for permit and token.</summary>
internal enum Entry
{
    /// <summary>Send; no permit is needed.</summary>
    Free,

    /// <summary>Send, then give the permit back by <see cref="LaneLimits.Leave"/>.</summary>
    WithPermit,

    /// <summary>Other nodes have all the permits: the delivery is theirs.</summary>
    Refused,

    /// <summary>Something changed meanwhile: settings, the breaker, or the node stops. Nothing was taken.</summary>
    LookAgain,
}

/// <summary>The limits of one integration on this node. <see cref="LimitLeases"/> keeps them supplied while there is something to send.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The semaphores allocate no handle, and limits come and go with their lanes.")]
internal sealed class LaneLimits(LimitLeases leases, string organization, Guid integration)
{
    /// <summary>How long a wait lasts before what it waits for is looked at again.</summary>
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    // One at a time: tokens have an order, and one sleeper a lane is enough.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _bell = new(0, 1);
    private volatile RateLease? _rate;
    private volatile bool _concurrencyLimited;
    private volatile Lane? _lane;
    private volatile bool _tellNow;
    private volatile bool _isActive;
    private int _entering;

    public string Organization { get; } = organization;
    public Guid Integration { get; } = integration;
    public ConcurrencyLease Concurrency { get; } = new();

    /// <summary>The tokens; null where the rate has no limit.</summary>
    public RateLease? Rate => _rate;

    /// <summary>Whether POSTs need a permit.</summary>
    public bool ConcurrencyIsLimited => _concurrencyLimited;

    /// <summary>Whether <see cref="LimitLeases"/> looks after this.</summary>
    public bool IsActive { get => _isActive; set => _isActive = value; }

    /// <summary>Set to have the database told at once what is wanted and held.</summary>
    public bool TellNow { get => _tellNow; set => _tellNow = value; }

    /// <summary>When permits were last asked for.</summary>
    public TimeSpan? AskedAt { get; set; }

    /// <summary>Since when the lane has had nothing; null while it has.</summary>
    public TimeSpan? IdleSince { get; set; }

    /// <summary>Deliveries in memory.</summary>
    public int Held => _lane?.Held ?? 0;

    /// <summary>Deliveries that could be sent at once, but for the limits.</summary>
    public int Entering => Volatile.Read(ref _entering);

    /// <summary>Deliveries in memory that are not under way.</summary>
    public int Waiting => Entering + (_lane?.Queued ?? 0);

    /// <summary>Whether other nodes have all the permits: nothing is taken on then.</summary>
    public bool IsDenied => _concurrencyLimited && Concurrency.IsDenied;

    /// <summary>Pumps that may run: one more than none, because somebody has to ask.</summary>
    public int MaxPumps => _concurrencyLimited ? Math.Max(1, Concurrency.Permits) : int.MaxValue;

    /// <summary>Takes the limits of newly loaded settings on.</summary>
    public void Apply(Lane lane, LaneSettings settings)
    {
        _lane = lane;
        if (settings.RateLimit != _rate?.PerSecond) _rate = settings.RateLimit is { } rate ? new RateLease(rate) : null;
        _concurrencyLimited = settings.ConcurrencyLimit is not null;
        if (settings.ConcurrencyLimit is { } most) Concurrency.Lower(most);
        _tellNow = true;
        leases.Activate(this);
    }

    /// <summary>Takes permit and token, as far as they are needed, and waits for them.</summary>
    public async ValueTask<Entry> EnterAsync(Lane lane, CancellationToken stopping)
    {
        leases.Activate(this);
        if (_rate is null)
        {
            if (!_concurrencyLimited) return Entry.Free;
            if (Concurrency.TryTake()) return Entry.WithPermit;
        }

        Interlocked.Increment(ref _entering);
        try
        {
            await _turn.WaitAsync(stopping);
            try
            {
                var entry = await TakePermitAsync(lane, stopping);
                if (entry is Entry.Refused or Entry.LookAgain || await TakeTokenAsync(lane, stopping)) return entry;
                Leave(entry);
                return Entry.LookAgain;
            }
            finally
            {
                _turn.Release();
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Entry.LookAgain;
        }
        finally
        {
            Interlocked.Decrement(ref _entering);
        }
    }

    /// <summary>The POST is over.</summary>
    public void Leave(Entry entry)
    {
        if (entry != Entry.WithPermit) return;
        Concurrency.Return();
        if (Concurrency.Owes) leases.Ring();
    }

    /// <summary>Something came in: whoever waits looks.</summary>
    public void Ring()
    {
        if (_bell.CurrentCount > 0) return;
        try
        {
            _bell.Release();
        }
        catch (SemaphoreFullException)
        {
            // Rung by another meanwhile.
        }
    }

    /// <summary>New permits are there: the lane may run more pumps, and take on more.</summary>
    public void Resume() => _lane?.Resume();

    /// <summary>Whether there are any may have changed.</summary>
    public void NoteFull() => _lane?.NoteFull();

    /// <summary>The database gave away what was held here.</summary>
    public void Lose()
    {
        Concurrency.Lose();
        NoteFull();
    }

    /// <summary>The limit has gone, or the integration: the lane looks again.</summary>
    public void Reload() => _lane?.Invalidate();

    private async ValueTask<Entry> TakePermitAsync(Lane lane, CancellationToken stopping)
    {
        while (_concurrencyLimited)
        {
            if (Concurrency.TryTake()) return Entry.WithPermit;
            // All in use although this pump was started for one: the share has just become smaller.
            if (Concurrency.IsDenied || Concurrency.Permits > 0) return Entry.Refused;
            if (!await WaitAsync(lane, stopping)) return Entry.LookAgain;
        }

        return Entry.Free;
    }

    /// <summary>Waits for a token and its moment. False when the lane has to look at something first.</summary>
    private async ValueTask<bool> TakeTokenAsync(Lane lane, CancellationToken stopping)
    {
        while (_rate is { } rate)
        {
            if (!rate.TryTake(leases.Now, out var token))
            {
                leases.Ring();
                if (!await WaitAsync(lane, stopping)) return false;
                continue;
            }

            while (leases.Now is var now && now <= token.Until)
            {
                if (now >= token.At) return true;
                // Timers count whole milliseconds: rounded up, so that what is due is due when we look.
                var wait = TimeSpan.FromMilliseconds(Math.Ceiling((token.At - now).TotalMilliseconds));
                await Task.Delay(wait < Glance ? wait : Glance, leases.Time, stopping);
                if (lane.MustLookAgain) return false;
            }
        }

        return true;
    }

    /// <summary>Waits for the bell. False when the lane has to look at something first.</summary>
    private async ValueTask<bool> WaitAsync(Lane lane, CancellationToken stopping)
    {
        if (lane.MustLookAgain) return false;
        leases.Activate(this);
        await _bell.WaitAsync(Glance, stopping);
        return !lane.MustLookAgain;
    }
}
