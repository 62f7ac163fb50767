// When failures are enough to open a circuit breaker, on a clock that the test turns.

using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Engine;

public sealed class FailureStreakTests
{
    private readonly ManualTime _time = new();
    private readonly FailureStreak _streak;

    public FailureStreakTests() => _streak = new FailureStreak(new DispatcherOptions.BreakerOptions(), _time);

    [Fact]
    public void Failures_count_only_once_nothing_has_succeeded_for_ten_seconds()
    {
        for (var i = 0; i < 500; i++) Assert.False(Fail());
        _time.Advance(9.9);
        for (var i = 0; i < 500; i++) Assert.False(Fail());

        _time.Advance(0.1);
        Assert.Equal(20, FailuresUntilOpen());
    }

    [Fact]
    public void The_ten_seconds_begin_with_the_start_of_the_first_attempt_that_failed()
    {
        Assert.False(_streak.Failed(TimeSpan.FromSeconds(4)));
        _time.Advance(6);

        Assert.Equal(20, FailuresUntilOpen());
    }

    [Fact]
    public void The_retries_of_a_few_deliveries_do_not_open_it_however_long_they_fail()
    {
        // Nineteen within any thirty seconds.
        for (var round = 0; round < 10; round++)
        {
            for (var i = 0; i < 19; i++) Assert.False(Fail());
            _time.Advance(33);
        }
    }

    [Fact]
    public void One_success_begins_the_ten_seconds_anew()
    {
        Assert.False(Fail());
        _time.Advance(11);
        for (var i = 0; i < 19; i++) Assert.False(Fail());
        _streak.Succeeded();

        for (var i = 0; i < 100; i++) Assert.False(Fail());
        _time.Advance(10);
        Assert.True(FailuresUntilOpen() <= 20);
    }

    [Fact]
    public void It_opens_once_and_then_counts_anew()
    {
        Assert.False(Fail());
        _time.Advance(10);
        Assert.Equal(20, FailuresUntilOpen());
        Assert.Equal(20, FailuresUntilOpen());
    }

    [Fact]
    public void It_is_over_when_there_was_a_success_and_what_was_counted_is_out_of_date()
    {
        Assert.False(Fail());
        Assert.False(_streak.IsOver);
        _streak.Succeeded();
        Assert.True(_streak.IsOver);

        Assert.False(Fail());
        _time.Advance(10);
        Assert.False(Fail());
        _streak.Succeeded();
        Assert.False(_streak.IsOver);
        _time.Advance(31);
        Assert.True(_streak.IsOver);
    }

    private bool Fail() => _streak.Failed(TimeSpan.Zero);

    private int FailuresUntilOpen()
    {
        var failures = 1;
        while (!Fail())
        {
            Assert.True(failures < 1000, "it never opens");
            failures++;
        }

        return failures;
    }
}
