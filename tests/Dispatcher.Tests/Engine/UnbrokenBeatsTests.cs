// When a node has been heard by the database for long enough to take others for dead.

using Dispatcher.Dispatching;

namespace Dispatcher.Tests.Engine;

public sealed class UnbrokenBeatsTests
{
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(8), Span = TimeSpan.FromSeconds(10);
    private readonly Clock _clock = new();

    [Fact]
    public void Beats_without_a_gap_last_from_the_first_one_on()
    {
        Assert.False(After(0, 2, 4, 6, 8)!.HaveLasted(Span, _clock));
        Assert.True(After(0, 2, 4, 6, 8, 10)!.HaveLasted(Span, _clock));
    }

    [Fact]
    public void After_a_time_in_which_the_database_was_away_they_begin_anew()
    {
        var beats = After(0, 2, 4, 6, 8, 10, 22);
        Assert.False(beats!.HaveLasted(Span, _clock));

        beats = After(0, 2, 4, 6, 8, 10, 22, 24, 26, 28, 30, 32);
        Assert.True(beats!.HaveLasted(Span, _clock));
    }

    [Fact]
    public void While_they_have_stopped_they_have_not_lasted()
    {
        var beats = After(0, 2, 4, 6, 8, 10);
        _clock.Seconds = 21;

        Assert.False(beats!.HaveLasted(Span, _clock));
    }

    private UnbrokenBeats? After(params int[] seconds)
    {
        UnbrokenBeats? beats = null;
        foreach (var second in seconds)
        {
            _clock.Seconds = second;
            beats = UnbrokenBeats.After(beats, Beat.Now(_clock), Gap, _clock);
        }

        return beats;
    }

    private sealed class Clock : TimeProvider
    {
        public int Seconds { get; set; }

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Seconds);
    }
}
