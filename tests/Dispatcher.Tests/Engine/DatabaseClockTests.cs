// Where a moment of the database's clock lies on a node's, without a database.

using Dispatcher.Dispatching;

namespace Dispatcher.Tests.Engine;

public sealed class DatabaseClockTests
{
    private const double Epoch = 1_700_000_000;

    private readonly DatabaseClock _clock = new();

    [Fact]
    public void A_moment_lies_between_question_and_answer()
    {
        _clock.Observe(Epoch, Seconds(10), Seconds(11));
        AssertHere(Epoch + 5, 15, 16);
    }

    [Fact]
    public void A_slow_answer_says_no_less_than_the_quick_one_before_it()
    {
        _clock.Observe(Epoch, Seconds(10), Seconds(10.01));
        _clock.Observe(Epoch + 1, Seconds(10.5), Seconds(13));
        AssertHere(Epoch + 1, 11, 11.01);
    }

    [Fact]
    public void Two_answers_together_say_more_than_each()
    {
        // Read at the end of the one, and at the beginning of the other.
        _clock.Observe(Epoch, Seconds(10), Seconds(11));
        _clock.Observe(Epoch + 10, Seconds(20.9), Seconds(22));
        AssertHere(Epoch, 10.9, 11);
    }

    [Fact]
    public void A_clock_that_was_set_is_believed_at_once()
    {
        _clock.Observe(Epoch, Seconds(10), Seconds(10.01));
        _clock.Observe(Epoch - 100, Seconds(11), Seconds(11.5));
        AssertHere(Epoch - 100, 11, 11.5);
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private void AssertHere(double moment, double earliest, double latest)
    {
        var here = _clock.Here(moment);
        Assert.Equal(earliest, here.Earliest.TotalSeconds, 0.005);
        Assert.Equal(latest, here.Latest.TotalSeconds, 0.005);
    }
}
