// UUIDv7s: they carry their time, and sort by it.

using Dispatcher.Platform;

namespace Dispatcher.Tests.Platform;

public sealed class UuidSequenceTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_795_000_000_123);
    private readonly UuidSequence _sequence = new();

    [Fact]
    public void Ids_made_in_one_millisecond_sort_in_the_order_they_were_made_in()
    {
        // More than the counter of one millisecond holds.
        var ids = Enumerable.Range(0, 10_000).Select(_ => Ids.Format(Ids.Event, _sequence.Next(Now))).ToList();

        Assert.Equal(ids.Distinct().Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void An_id_made_after_the_clock_was_set_back_a_little_still_sorts_after_those_before()
    {
        var first = Ids.Format(Ids.Event, _sequence.Next(Now));
        var second = Ids.Format(Ids.Event, _sequence.Next(Now.AddMilliseconds(-500)));

        Assert.True(string.CompareOrdinal(first, second) < 0);
    }

    [Fact]
    public void An_id_is_a_UUIDv7_of_its_time()
    {
        var id = _sequence.Next(Now);

        Assert.Equal(7, id.Version);
        Assert.InRange(id.Variant, 8, 11);
        Assert.Equal(Now, Ids.TimeOf(id));
    }
}
