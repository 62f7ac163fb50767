// The retry schedule: every delay of it, the bounds of chance, and what a receiver may ask for.

using Dispatcher.Retries;
using Xunit;

namespace Dispatcher.Tests.Retries;

public sealed class RetryScheduleTests
{
    private static readonly RetryPolicy Policy = RetryPolicy.Default;

    [Fact]
    public void The_default_is_ten_attempts_from_two_seconds_with_a_tenth_of_jitter() =>
        Assert.Equal(new RetryPolicy(BaseSeconds: 2, MaxAttempts: 10, JitterRatio: 0.1), Policy);

    [Fact]
    public void The_delays_double_from_2_to_512_seconds_and_the_tenth_failure_is_the_last()
    {
        var delays = Enumerable.Range(1, 10).Select(failed => RetrySchedule.DelayAfter(failed, Policy, 0, null)?.TotalSeconds);

        Assert.Equal([2, 4, 8, 16, 32, 64, 128, 256, 512, null], delays);
    }

    [Theory]
    [InlineData(1, new[] { 1.0, 2, 4, 8 })]
    [InlineData(0.05, new[] { 0.05, 0.1, 0.2, 0.4 })]
    [InlineData(3, new[] { 3.0, 6, 12, 24 })]
    [InlineData(0, new[] { 0.0, 0, 0, 0 })]
    public void The_base_is_the_first_delay(double baseSeconds, double[] expected)
    {
        var policy = Policy with { BaseSeconds = baseSeconds };

        var delays = Enumerable.Range(1, 4).Select(failed => RetrySchedule.DelayAfter(failed, policy, 0, null)!.Value.TotalSeconds);

        Assert.Equal(expected, delays);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    public void Jitter_adds_up_to_its_ratio_and_never_takes_away(int failed)
    {
        var bare = RetrySchedule.DelayAfter(failed, Policy, 0, null)!.Value;

        Assert.Equal(bare * 1.05, RetrySchedule.DelayAfter(failed, Policy, 0.5, null));
        Assert.Equal(bare * 1.1, RetrySchedule.DelayAfter(failed, Policy, 1, null));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    [InlineData(3, 4)]
    [InlineData(10, 10)]
    public void After_the_last_attempt_there_is_no_delay(int maxAttempts, int failed) =>
        Assert.Null(RetrySchedule.DelayAfter(failed, Policy with { MaxAttempts = maxAttempts }, 0, TimeSpan.FromSeconds(1)));

    [Fact]
    public void A_later_retry_after_is_honoured() =>
        Assert.Equal(TimeSpan.FromSeconds(30), RetrySchedule.DelayAfter(1, Policy, 1, TimeSpan.FromSeconds(30)));

    [Fact]
    public void An_earlier_retry_after_changes_nothing() =>
        Assert.Equal(TimeSpan.FromSeconds(512), RetrySchedule.DelayAfter(9, Policy, 0, TimeSpan.FromSeconds(30)));

    [Theory]
    [InlineData(3_600)]
    [InlineData(3_601)]
    [InlineData(2_147_483_647)]
    public void A_retry_after_counts_for_an_hour_at_most(int seconds) =>
        Assert.Equal(TimeSpan.FromHours(1), RetrySchedule.DelayAfter(1, Policy, 0, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void The_cap_of_retry_after_does_not_shorten_a_longer_delay_of_the_schedule()
    {
        var policy = Policy with { BaseSeconds = 7_200 };

        Assert.Equal(TimeSpan.FromHours(2), RetrySchedule.DelayAfter(1, policy, 0, TimeSpan.FromHours(3)));
    }

    [Theory]
    [InlineData(1e9, 2)]
    [InlineData(double.MaxValue, 9)]
    [InlineData(2, 5_000)]
    public void No_base_and_no_number_of_attempts_goes_beyond_a_day(double baseSeconds, int failed)
    {
        var policy = new RetryPolicy(baseSeconds, int.MaxValue, 0.1);

        Assert.Equal(TimeSpan.FromHours(24), RetrySchedule.DelayAfter(failed, policy, 1, null));
    }

    [Fact]
    public void The_zeroth_failure_does_not_exist() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RetrySchedule.DelayAfter(0, Policy, 0, null));
}
