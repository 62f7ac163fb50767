namespace Dispatcher.Benchmarks.Harness;

/// <summary>Numbers the rounds of a run of this program, so that what comes late from one cannot pass for another's.</summary>
internal sealed class RoundCounter
{
    private int _round;

    public int Next() => Interlocked.Increment(ref _round);
}
