// The arithmetic of tokens, without a database.

using Dispatcher.Dispatching;

namespace Dispatcher.Tests.Engine;

public sealed class RateLeaseTests
{
    private static readonly TimeSpan Start = TimeSpan.FromSeconds(100);

    [Fact]
    public void Tokens_lie_a_period_of_the_rate_apart_from_the_moment_that_was_given()
    {
        var lease = new RateLease(50);
        lease.Grant(3, Start + Ms(40), Start + Ms(40));

        Assert.Equal([Ms(40), Ms(60), Ms(80)], Take(lease, Start).Select(t => t.At - Start));
    }

    [Fact]
    public void Where_a_moment_is_not_known_exactly_no_token_is_used_before_it_or_long_after_it()
    {
        var lease = new RateLease(10);
        lease.Grant(1, Start + Ms(10), Start + Ms(40));

        Assert.True(lease.TryTake(Start, out var token));
        Assert.Equal(Start + Ms(40), token.At);
        Assert.Equal(Start + Ms(10) + RateLease.Slack, token.Until);
    }

    [Fact]
    public void Tokens_that_were_not_used_in_time_are_void()
    {
        var lease = new RateLease(100);
        lease.Grant(10, Start, Start);

        var left = Take(lease, Start + RateLease.Slack + Ms(45));
        Assert.Equal([Ms(50), Ms(60), Ms(70), Ms(80), Ms(90)], left.Select(t => t.At - Start));
    }

    [Fact]
    public void From_a_slow_database_more_is_asked_for_and_sooner()
    {
        var lease = new RateLease(100);
        Assert.Equal(65, lease.Wanted(Start, waiting: 1000, entering: 100, answersTake: Ms(500)));
        lease.Grant(100, Start, Start);
        Take(lease, Start);

        Assert.Equal(0, lease.Wanted(Start + Ms(400), 1000, 100, Ms(500)));
        Assert.NotEqual(0, lease.Wanted(Start + Ms(430), 1000, 100, Ms(500)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 1)]
    [InlineData(100, 15)]
    [InlineData(1000, 150)]
    public void At_most_150_milliseconds_of_the_rate_are_asked_for_at_once_and_at_least_one(int perSecond, int atMost) =>
        Assert.Equal(atMost, new RateLease(perSecond).Wanted(Start, waiting: 10_000, entering: 10_000, TimeSpan.Zero));

    [Fact]
    public void No_more_is_asked_for_than_waits() =>
        Assert.Equal(2, new RateLease(100).Wanted(Start, waiting: 2, entering: 2, TimeSpan.Zero));

    [Fact]
    public void More_is_asked_for_shortly_before_the_last_token_and_not_earlier()
    {
        var lease = new RateLease(100);
        lease.Grant(15, Start, Start);
        Take(lease, Start);

        Assert.Equal(0, lease.Wanted(Start + Ms(60), 100, 64, TimeSpan.Zero));
        Assert.Equal(15, lease.Wanted(Start + Ms(70), 100, 64, TimeSpan.Zero));
    }

    [Fact]
    public void A_node_whose_receiver_is_slow_asks_for_about_what_it_uses()
    {
        var lease = new RateLease(1000);
        lease.Grant(100, Start, Start);
        Assert.True(lease.TryTake(Start, out _));
        Assert.True(lease.TryTake(Start, out _));
        Assert.True(lease.TryTake(Start, out _));
        var later = Start + TimeSpan.FromSeconds(1);
        Assert.False(lease.TryTake(later, out _));

        Assert.Equal(6, lease.Wanted(later, waiting: 500, entering: 1, TimeSpan.Zero));
    }

    private static List<RateToken> Take(RateLease lease, TimeSpan now)
    {
        var tokens = new List<RateToken>();
        while (lease.TryTake(now, out var token)) tokens.Add(token);
        return tokens;
    }

    private static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
