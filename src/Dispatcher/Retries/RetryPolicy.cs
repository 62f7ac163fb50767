// How often, and how far apart, a delivery is tried.

namespace Dispatcher.Retries;

/// <summary>An integration's retry settings. <see cref="RetrySchedule"/> turns them into delays.</summary>
/// <param name="BaseSeconds">
/// The delay after the first failed attempt, doubled by every further one: with 2 the delays are 2, 4, 8 … 512 s, with 1 they
/// are 1, 2, 4 …. Any number of seconds from 0, fractions too.
/// </param>
/// <param name="MaxAttempts">Attempts in all, the first one included.</param>
/// <param name="JitterRatio">The largest part of a delay that chance may add to it: 0.1 is up to 10 %. Never negative.</param>
internal readonly record struct RetryPolicy(double BaseSeconds, int MaxAttempts, double JitterRatio)
{
    /// <summary>Ten attempts, 2 to 512 s apart, up to 10 % of jitter.</summary>
    public static readonly RetryPolicy Default = new(BaseSeconds: 2, MaxAttempts: 10, JitterRatio: 0.1);
}
