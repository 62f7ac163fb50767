// Since when an integration has been failing, as one node sees it between two settlements: the times decide, not the order.

using Dispatcher.Dispatching;

namespace Dispatcher.Tests.Engine;

public sealed class SeenAttemptsTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Attempts in the order in which they are recorded, as + or - and the second at which they ended; the second since when it has been failing.</summary>
    [Theory]
    [InlineData("-1", 1)]
    [InlineData("-1 -2 -3", 1)]
    [InlineData("-3 -2 -1", 1)]
    [InlineData("+1", null)]
    [InlineData("-1 +2", null)]
    [InlineData("+2 -1", null)]
    [InlineData("+1 -2 -3", 2)]
    [InlineData("-2 -3 +1", 2)]
    [InlineData("-1 +2 -3", 3)]
    [InlineData("-1 -3 +2", 3)]
    [InlineData("+1 +3 -2", null)]
    public void It_has_been_failing_since_the_first_failure_after_the_last_success(string attempts, int? since)
    {
        var seen = See(attempts);

        Assert.Equal(since is null ? null : Start.AddSeconds(since.Value), seen.FailingSince);
        Assert.Equal(attempts.Contains('+', StringComparison.Ordinal), seen.Succeeded);
    }

    [Theory]
    [InlineData("-1", "-2", 1, false)]
    [InlineData("-1", "+2", null, true)]
    [InlineData("+1", "-2", 2, true)]
    [InlineData("+1 -2", "-3", 2, true)]
    [InlineData("-1", "+2 -3", 3, true)]
    public void What_could_not_be_settled_is_put_before_what_came_after_it(string earlier, string later, int? since, bool succeeded)
    {
        var seen = See(later);

        seen.Follow(See(earlier));

        Assert.Equal(since is null ? null : Start.AddSeconds(since.Value), seen.FailingSince);
        Assert.Equal(succeeded, seen.Succeeded);
    }

    private static SeenAttempts See(string attempts)
    {
        var seen = new SeenAttempts("default");
        foreach (var attempt in attempts.Split(' '))
        {
            var at = Start.AddSeconds(int.Parse(attempt[1..], System.Globalization.CultureInfo.InvariantCulture));
            if (attempt[0] == '+') seen.Success(at);
            else seen.Failure(at, false);
        }

        return seen;
    }
}
