// The arithmetic of retries, for all attempts, all chances and all that a receiver may ask for.

using Dispatcher.Retries;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

public sealed class RetryProperties
{
    private static readonly Gen<double> Random01 = Gen.Choose(0, 1_000_000).Select(n => n / 1_000_000.0);

    private static readonly Gen<RetryPolicy> Policy =
        from exponent in Gen.Choose(-8, 10)
        from fraction in Random01
        from attempts in Gen.Choose(1, 10)
        from jitter in Gen.Choose(0, 10)
        select new RetryPolicy(Math.Min(3600, Math.ScaleB(1 + fraction, exponent)), attempts, jitter / 100.0);

    private static readonly Gen<TimeSpan?> RetryAfter = Gen.OneOf(
        Gen.Constant((TimeSpan?)null), Gen.Choose(0, 5_000).Select(s => (TimeSpan?)TimeSpan.FromSeconds(s)), Gen.Constant((TimeSpan?)TimeSpan.MaxValue));

    [Fact]
    public void The_default_schedule_waits_2_to_the_n_seconds_and_up_to_a_tenth_more() => Property.Holds(
        Gen.Zip(Gen.Choose(1, 9), Random01), x =>
        {
            var (n, chance) = x;
            var delay = RetrySchedule.DelayAfter(n, RetryPolicy.Default, chance, null)!.Value.TotalSeconds;

            Assert.InRange(delay, Math.Pow(2, n), (Math.Pow(2, n) * 1.1) + 1e-6);
        });

    [Fact]
    public void Every_schedule_doubles_from_its_base_within_its_jitter_and_a_day() => Property.Holds(
        from policy in Policy
        from n in Gen.Choose(1, 9)
        from chance in Random01
        select (policy, n, chance),
        x =>
        {
            if (RetrySchedule.DelayAfter(x.n, x.policy, x.chance, null) is not { } delay) return;
            var bare = Math.Min(86_400, x.policy.BaseSeconds * Math.Pow(2, x.n - 1));

            Assert.InRange(delay.TotalSeconds, bare - 1e-6, Math.Min(86_400, bare * (1 + x.policy.JitterRatio)) + 1e-6);
        });

    [Fact]
    public void A_later_failure_never_waits_for_less_whatever_chance_says() => Property.Holds(
        from policy in Policy
        from n in Gen.Choose(1, 8)
        from chances in Gen.Two(Random01)
        select (policy, n, chances),
        x =>
        {
            var later = RetrySchedule.DelayAfter(x.n + 1, x.policy, x.chances.Item2, null);

            Assert.True(later is null || later >= RetrySchedule.DelayAfter(x.n, x.policy, x.chances.Item1, null));
        });

    [Fact]
    public void More_chance_never_waits_for_less() => Property.Holds(
        from policy in Policy
        from n in Gen.Choose(1, 9)
        from chances in Gen.Two(Random01)
        select (policy, n, Less: Math.Min(chances.Item1, chances.Item2), More: Math.Max(chances.Item1, chances.Item2)),
        x => Assert.False(RetrySchedule.DelayAfter(x.n, x.policy, x.Less, null) > RetrySchedule.DelayAfter(x.n, x.policy, x.More, null)));

    [Fact]
    public void A_retry_after_only_ever_makes_it_later_and_by_no_more_than_an_hour() => Property.Holds(
        from policy in Policy
        from n in Gen.Choose(1, 9)
        from chance in Random01
        from asked in RetryAfter
        select (policy, n, chance, asked),
        x =>
        {
            var without = RetrySchedule.DelayAfter(x.n, x.policy, x.chance, null);
            var with = RetrySchedule.DelayAfter(x.n, x.policy, x.chance, x.asked);

            Assert.Equal(without is null, with is null);
            if (without is null) return;
            Assert.True(with >= without);
            Assert.True(with == without || with <= TimeSpan.FromHours(1));
            if (x.asked <= TimeSpan.FromHours(1)) Assert.True(with >= x.asked);
        });

    [Fact]
    public void There_are_as_many_attempts_as_the_policy_says_whatever_receivers_ask_for() => Property.Holds(
        Gen.Zip(Policy, RetryAfter), x =>
        {
            var attempts = 1;
            while (RetrySchedule.DelayAfter(attempts, x.Item1, 1, x.Item2) is not null) attempts++;

            Assert.Equal(x.Item1.MaxAttempts, attempts);
        });
}
