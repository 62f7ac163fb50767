// How far back in time so many deliveries lie.

using Dispatcher.Deliveries;

namespace Dispatcher.Tests.Api;

public sealed class ServerPaceTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>At half past twelve: 600 in the half hour that it is, none from eleven on, 3,600 from ten to eleven.</summary>
    private static readonly ServerPace Pace = new([(Noon, 600), (Noon.AddHours(-2), 3600)], Noon.AddMinutes(30));

    [Theory]
    [InlineData(30, 200, 20)] // Within the hour that is not over.
    [InlineData(15, 200, 5)]
    [InlineData(30, 660, -61)] // Over the hour without any.
    [InlineData(-90, 600, -100)] // From within an hour that is over.
    [InlineData(45, 200, 20)] // From beyond what was counted.
    public void Goes_back_as_far_as_holds_so_many(int fromMinute, int deliveries, int toMinute) =>
        Assert.Equal(Noon.AddMinutes(toMinute), Pace.Before(Noon.AddMinutes(fromMinute), deliveries)!.Value, TimeSpan.FromMilliseconds(1));

    [Theory]
    [InlineData(30, 4201)]
    [InlineData(-120, 1)]
    [InlineData(-600, 1)]
    public void Finds_no_end_where_there_were_fewer(int fromMinute, int deliveries) =>
        Assert.Null(Pace.Before(Noon.AddMinutes(fromMinute), deliveries));

    [Fact]
    public void Knows_nothing_of_a_server_that_has_counted_nothing() => Assert.Null(new ServerPace([], Noon).Before(Noon, 1));

    [Fact]
    public void Does_not_mind_a_database_whose_clock_is_ahead() =>
        Assert.Null(new ServerPace([(Noon.AddHours(1), 5)], Noon.AddMinutes(59)).Before(Noon.AddHours(2), 1));
}
