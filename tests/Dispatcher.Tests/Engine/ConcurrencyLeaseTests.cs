// What a node holds of an integration's permits, and when it may say that it holds less.

using Dispatcher.Dispatching;

namespace Dispatcher.Tests.Engine;

public sealed class ConcurrencyLeaseTests
{
    [Fact]
    public void No_more_is_taken_than_was_given()
    {
        var lease = new ConcurrencyLease();
        Assert.False(lease.TryTake());
        Assert.True(lease.Answer(2));

        Assert.True(lease.TryTake());
        Assert.True(lease.TryTake());
        Assert.False(lease.TryTake());
        lease.Return();
        Assert.True(lease.TryTake());
    }

    [Fact]
    public void What_is_under_way_is_told_as_held_until_it_ends()
    {
        var lease = new ConcurrencyLease();
        lease.Answer(3);
        Assert.True(lease.TryTake());
        Assert.True(lease.TryTake());
        Assert.Equal(3, lease.Tell());
        Assert.False(lease.Answer(1));

        Assert.False(lease.TryTake());
        Assert.True(lease.Owes);
        Assert.Equal(2, lease.Tell());
        Assert.False(lease.Owes);
        lease.Return();
        Assert.True(lease.Owes);
        Assert.Equal(1, lease.Tell());
        Assert.False(lease.Owes);
    }

    [Fact]
    public void Denied_is_who_was_told_that_there_is_nothing_and_not_who_has_not_asked()
    {
        var lease = new ConcurrencyLease();
        Assert.False(lease.IsDenied);
        lease.Answer(0);
        Assert.True(lease.IsDenied);
        lease.Answer(1);
        Assert.False(lease.IsDenied);
    }

    [Fact]
    public void A_lower_limit_takes_effect_before_the_database_is_asked()
    {
        var lease = new ConcurrencyLease();
        lease.Answer(8);
        lease.Lower(1);

        Assert.True(lease.TryTake());
        Assert.False(lease.TryTake());
        Assert.True(lease.Owes);
    }

    [Fact]
    public void A_lease_is_settled_once_the_database_knows_that_nothing_is_held()
    {
        var lease = new ConcurrencyLease();
        Assert.True(lease.IsSettled);
        lease.Answer(4);
        Assert.True(lease.TryTake());
        lease.LetGo();
        Assert.False(lease.IsSettled);
        Assert.Equal(1, lease.Tell());
        lease.Return();
        Assert.Equal(0, lease.Tell());
        Assert.True(lease.IsSettled);
    }
}
