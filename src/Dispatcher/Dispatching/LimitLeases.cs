// Gets permits and tokens for the lanes that have limits: at most one statement of each kind at a time, for all lanes together.

using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Looks after the limits of lanes that have something to send, and of those that still hold permits. Where no integration has a
/// limit it sleeps: no statement, no timer.
/// </summary>
internal sealed partial class LimitLeases(
    NpgsqlDataSource source, NodeRegistry node, TimeProvider time, ILogger<LimitLeases> logger) : BackgroundService
{
    /// <summary>Lanes asked for in one statement, so that it holds no locks for long.</summary>
    private const int MaxLanes = 500;

    /// <summary>How close together two rounds may be: what comes up between them shares a statement.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);

    /// <summary>How often a node tells what permits it wants, and hears what others want.</summary>
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(1);

    /// <summary>How often it may ask for more than that.</summary>
    private static readonly TimeSpan GrowEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a lane without deliveries goes on wanting one permit: a claim may be bringing some.</summary>
    private static readonly TimeSpan WantFor = TimeSpan.FromSeconds(2);

    /// <summary>How long it keeps permits that nobody else wants, so that the next delivery need not wait for one.</summary>
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(200);

    /// <summary>Beyond this a database's slowness is not made up for.</summary>
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Dictionary<Guid, LaneLimits> _active = [];
    private readonly Lock _gate = new();
    private readonly long _began = time.GetTimestamp();
    private readonly DatabaseClock _clock = new();
    private TimeSpan _answersTake;
    private readonly LeaseIdentity _identities = new(node);

    public TimeProvider Time => time;

    /// <summary>A monotonic clock.</summary>
    public TimeSpan Now => time.GetElapsedTime(_began);

    /// <summary>Has limits looked after from now on.</summary>
    public void Activate(LaneLimits limits)
    {
        if (limits.IsActive) return;
        lock (_gate)
        {
            // A lane that was dropped and made anew: the newer one counts, and the older asks again if it still has something to send.
            if (_active.TryGetValue(limits.Integration, out var older)) older.IsActive = false;
            _active[limits.Integration] = limits;
            limits.IsActive = true;
        }

        Ring();
    }

    /// <summary>Has the next round begin.</summary>
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

    public override void Dispose()
    {
        _bell.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var lanes = Snapshot();
                if (lanes.Count == 0) _identities.LetGo();
                await ((Task)_bell.WaitAsync(WaitFor(lanes), stoppingToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (stoppingToken.IsCancellationRequested) return;
                await RoundAsync(Snapshot(), stoppingToken);
                await Task.Delay(Tick, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogFailed(e.Message);
                await Task.Delay(AfterFailure, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private List<LaneLimits> Snapshot()
    {
        lock (_gate) return [.. _active.Values];
    }

    /// <summary>Forever where there is nothing to look after; a tick where tokens may run out.</summary>
    private static TimeSpan WaitFor(List<LaneLimits> lanes)
    {
        if (lanes.Count == 0) return Timeout.InfiniteTimeSpan;
        return lanes.Exists(l => l.Rate is not null && l.Held > 0) ? Tick : GrowEvery;
    }

    private async Task RoundAsync(List<LaneLimits> lanes, CancellationToken ct)
    {
        var permits = new List<LaneLimits>();
        var tokens = new List<(LaneLimits Limits, int Wanted)>();
        _identities.Follow(lanes);
        foreach (var limits in lanes)
        {
            if (limits.Held > 0) limits.IdleSince = null;
            else limits.IdleSince ??= Now;
            if (WantsToTell(limits)) permits.Add(limits);
            if (limits.Rate is { } rate && rate.Wanted(Now, limits.Waiting, limits.Entering, _answersTake) is > 0 and var wanted) tokens.Add((limits, wanted));
            if (limits.IdleSince is not null && limits.Concurrency.IsSettled) Deactivate(limits);
        }

        foreach (var some in permits.Chunk(MaxLanes)) await LeasePermitsAsync(some, ct);
        _identities.ForgetFormer();
        foreach (var some in tokens.Chunk(MaxLanes)) await LeaseTokensAsync(some, ct);
    }

    /// <summary>Whether the database has to hear of this lane now.</summary>
    private bool WantsToTell(LaneLimits limits)
    {
        var lease = limits.Concurrency;
        if (!limits.ConcurrencyIsLimited)
        {
            if (!lease.IsKnown) return false;
            lease.LetGo();
            return true;
        }

        if (limits.IdleSince is { } since && Now - since > KeepFor && !lease.IsDenied) lease.LetGo();
        if (lease.Owes) return true;
        if (lease.IsSettled && limits.Held == 0) return false;
        if (limits.TellNow || limits.AskedAt is not { } asked) return true;
        var age = Now - asked;
        return age >= RenewEvery || (age >= GrowEvery && limits.Held > lease.Permits && lease.Used >= lease.Permits && !lease.IsDenied);
    }

    private void Deactivate(LaneLimits limits)
    {
        lock (_gate)
        {
            limits.IsActive = false;
            if (_active.TryGetValue(limits.Integration, out var current) && current == limits) _active.Remove(limits.Integration);
        }

        limits.AskedAt = null;
        limits.TellNow = false;
        // It may have got a delivery at this very moment.
        if (limits.Held > 0) Activate(limits);
    }

    /// <summary>How many POSTs at once a lane could do with: room to grow, so that it need not ask at each step.</summary>
    private int Demand(LaneLimits limits)
    {
        if (!limits.ConcurrencyIsLimited) return 0;
        if (limits.Held > 0) return limits.Held * 2;
        return limits.Concurrency.IsDenied || limits.IdleSince is not { } since || Now - since < WantFor ? 1 : 0;
    }

    private async Task LeasePermitsAsync(LaneLimits[] lanes, CancellationToken ct)
    {
        if (_identities.Current is not { } identity) return;
        var wanted = Array.ConvertAll(lanes, Demand);
        var held = Array.ConvertAll(lanes, l => l.Concurrency.Tell());
        var answers = await LimitStatements.LeasePermitsAsync(source, identity, _identities.Former, lanes, wanted, held, ct);
        for (var i = 0; i < lanes.Length; i++)
        {
            lanes[i].AskedAt = Now;
            lanes[i].TellNow = false;
            Take(lanes[i], wanted[i], answers);
        }
    }

    private void Take(LaneLimits limits, int wanted, Dictionary<Guid, int> answers)
    {
        var lease = limits.Concurrency;
        if (!answers.TryGetValue(limits.Integration, out var permits))
        {
            // No limit any more, or no integration, or no node: what is right is found out by loading the settings again.
            lease.Lose();
            if (limits.ConcurrencyIsLimited) limits.Reload();
        }
        else if (wanted == 0 && permits == 0)
        {
            // Others want what is kept here for later. They get it once the database hears that it is held no longer.
            lease.LetGo();
        }
        else
        {
            var denied = lease.IsDenied;
            var more = lease.Answer(permits);
            // A claim has to bring what others hold no longer: the count begins when it can.
            if (denied && permits > 0 && limits.IdleSince is not null) limits.IdleSince = Now;
            if (more) limits.Resume();
        }

        limits.NoteFull();
        limits.Ring();
    }

    private async Task LeaseTokensAsync((LaneLimits Limits, int Wanted)[] lanes, CancellationToken ct)
    {
        var asked = Now;
        var (answers, clock) = await LimitStatements.LeaseTokensAsync(source, lanes, _answersTake, ct);
        var answered = Now;
        // Quick to believe that it takes longer, slow to believe that it does not.
        var took = answered - asked;
        _answersTake = took > _answersTake ? took : (_answersTake * 7 / 8) + (took / 8);
        if (_answersTake > LongestAnswer) _answersTake = LongestAnswer;
        if (clock is { } reading) _clock.Observe(reading, asked, answered);
        foreach (var (limits, _) in lanes)
        {
            if (answers.TryGetValue(limits.Integration, out var grant) && limits.Rate is { } rate && rate.PerSecond == grant.PerSecond)
            {
                var (earliest, latest) = _clock.Here(grant.FirstAt);
                rate.Grant(grant.Tokens, earliest, latest);
            }
            else
            {
                limits.Reload();
            }

            limits.Ring();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Limits across nodes could not be renewed, what has one waits: {Reason}")]
    private partial void LogFailed(string reason);
}
