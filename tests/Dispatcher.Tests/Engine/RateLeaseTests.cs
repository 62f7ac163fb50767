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
        lease.Grant(3, Ms(40), Start, Start);

        Assert.Equal([Ms(40), Ms(60), Ms(80)], Take(lease, Start).Select(t => t.At - Start));
    }

    [Fact]
    public void However_long_the_answer_took_no_token_is_used_before_its_moment_or_long_after_it()
    {
        var lease = new RateLease(10);
        lease.Grant(1, Ms(10), Start, Start + Ms(30));

        Assert.True(lease.TryTake(Start, out var token));
        // The database may have answered at any time between the question and the answer.
        Assert.Equal(Start + Ms(40), token.At);
        Assert.Equal(Start + Ms(10) + RateLease.Slack, token.Until);
    }

    [Fact]
    public void Tokens_that_were_not_used_in_time_are_void()
    {
        var lease = new RateLease(100);
        lease.Grant(10, TimeSpan.Zero, Start, Start);

        var left = Take(lease, Start + RateLease.Slack + Ms(45));
        Assert.Equal([Ms(50), Ms(60), Ms(70), Ms(80), Ms(90)], left.Select(t => t.At - Start));
    }

    [Fact]
    public void Tokens_of_a_slow_database_are_good_for_a_moment_all_the_same()
    {
        var lease = new RateLease(10);
        lease.Grant(1, TimeSpan.Zero, Start, Start + Ms(900));

        Assert.True(lease.TryTake(Start + Ms(920), out _));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 1)]
    [InlineData(100, 15)]
    [InlineData(1000, 150)]
    public void At_most_150_milliseconds_of_the_rate_are_asked_for_at_once_and_at_least_one(int perSecond, int atMost) =>
        Assert.Equal(atMost, new RateLease(perSecond).Wanted(Start, waiting: 10_000, entering: 10_000));

    [Fact]
    public void No_more_is_asked_for_than_waits() =>
        Assert.Equal(2, new RateLease(100).Wanted(Start, waiting: 2, entering: 2));

    [Fact]
    public void More_is_asked_for_shortly_before_the_last_token_and_not_earlier()
    {
        var lease = new RateLease(100);
        lease.Grant(15, TimeSpan.Zero, Start, Start);
        Take(lease, Start);

        Assert.Equal(0, lease.Wanted(Start + Ms(60), 100, 64));
        Assert.Equal(15, lease.Wanted(Start + Ms(70), 100, 64));
    }

    [Fact]
    public void A_node_whose_receiver_is_slow_asks_for_about_what_it_uses()
    {
        var lease = new RateLease(1000);
        lease.Grant(100, TimeSpan.Zero, Start, Start);
        Assert.True(lease.TryTake(Start, out _));
        Assert.True(lease.TryTake(Start, out _));
        Assert.True(lease.TryTake(Start, out _));
        var later = Start + TimeSpan.FromSeconds(1);
        Assert.False(lease.TryTake(later, out _));

        Assert.Equal(6, lease.Wanted(later, waiting: 500, entering: 1));
    }

    private static List<RateToken> Take(RateLease lease, TimeSpan now)
    {
        var tokens = new List<RateToken>();
        while (lease.TryTake(now, out var token)) tokens.Add(token);
        return tokens;
    }

    private static TimeSpan Ms(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
