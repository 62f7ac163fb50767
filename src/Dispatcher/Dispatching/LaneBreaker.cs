// One lane's part in its circuit breaker: what it may send while that is open, and what its attempts say about the target.

using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

/// <summary>Costs a lane that is well one comparison a delivery.</summary>
internal sealed class LaneBreaker(LaneSet set, string organization, Guid integration)
{
    /// <summary>What a probe may take beyond its timeout, until its verdict is stored.</summary>
    private static readonly TimeSpan ProbeMargin = TimeSpan.FromSeconds(2);

    private volatile FailureStreak? _streak;
    private int _probing;

    /// <summary>Whether the breaker is open; a probe may be due.</summary>
    public bool IsOpen => set.Breakers.Find(integration) is not null;

    /// <summary>Whether nothing may be sent now, not even a probe.</summary>
    public bool IsParked => set.Breakers.IsParked(integration);

    /// <summary>
    /// Whether to send although the breaker was open: true as the probe, until <see cref="ProbeEnded"/>; false because it has closed;
    /// null not at all.
    /// </summary>
    public async Task<bool?> MayProbeAsync(LaneSettings settings)
    {
        if (IsParked || Interlocked.Exchange(ref _probing, 1) == 1) return null;
        var mine = ProbeRight.Refused;
        try
        {
            mine = await set.Breakers.TryProbeAsync(organization, integration, settings.Target.Timeout + ProbeMargin, set.Abort);
        }
        finally
        {
            if (mine != ProbeRight.Granted) ProbeEnded();
        }

        return mine switch { ProbeRight.Granted => true, ProbeRight.NotNeeded => false, _ => null };
    }

    public void ProbeEnded() => Volatile.Write(ref _probing, 0);

    /// <summary>Takes in how an attempt went: opens and closes the breaker. Does not fail: the attempt is made, and that stands.</summary>
    public async ValueTask JudgeAsync(LaneSettings settings, SendResult result, bool wasProbe)
    {
        if (!set.Breakers.Enabled) return;
        try
        {
            if (result.Outcome == SendOutcome.Succeeded)
            {
                ForgetFailures();
                if (wasProbe || IsOpen) await set.Breakers.CloseAsync(organization, integration, set.Abort);
            }
            else if (wasProbe)
            {
                await set.Breakers.ReopenAsync(organization, integration, set.Abort);
            }
            else if (!IsOpen && (_streak ??= set.Breakers.NewStreak()).Failed(result.Latency))
            {
                await set.Breakers.OpenAsync(organization, integration, settings.Version, set.Abort);
            }
        }
        catch (Exception e)
        {
            // The breaker is as it was, and the time of a probe runs out.
            set.JudgingFailed(integration, e);
        }
    }

    private void ForgetFailures()
    {
        if (_streak is not { } past) return;
        past.Succeeded();
        if (past.IsOver) _streak = null;
    }
}
