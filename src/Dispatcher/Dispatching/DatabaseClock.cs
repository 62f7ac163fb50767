// The database's clock, seen from this node: pure arithmetic on times that are passed in.

namespace Dispatcher.Dispatching;

/// <summary>
/// Knows between which bounds the database's clock is ahead of this node's monotonic one. Every answer that holds the database's time
/// gives such bounds: it was read between question and answer. Of many answers the bounds are as close as the quickest was, so that
/// one that takes long says no less. Clocks that drift widen the bounds again, and one that was set begins anew.
/// </summary>
internal sealed class DatabaseClock
{
    /// <summary>How far two clocks may drift apart in a second.</summary>
    private const double Drift = 0.0002;

    private double _least = double.NegativeInfinity;
    private double _most = double.PositiveInfinity;
    private TimeSpan _observed;

    /// <summary>Takes in that the database's clock read this, at some moment between the two.</summary>
    /// <param name="reading">Seconds since 1970.</param>
    /// <param name="asked">When the question was sent.</param>
    /// <param name="answered">When the answer came.</param>
    public void Observe(double reading, TimeSpan asked, TimeSpan answered)
    {
        var widening = (answered - _observed).TotalSeconds * Drift;
        var least = Math.Max(_least - widening, reading - answered.TotalSeconds);
        var most = Math.Min(_most + widening, reading - asked.TotalSeconds);
        // No common ground: the clock was set meanwhile.
        if (least > most) (least, most) = (reading - answered.TotalSeconds, reading - asked.TotalSeconds);
        (_least, _most, _observed) = (least, most, answered);
    }

    /// <summary>The earliest and the latest that a moment of the database's clock may be on this node's.</summary>
    /// <param name="moment">Seconds since 1970.</param>
    public (TimeSpan Earliest, TimeSpan Latest) Here(double moment) => (TimeSpan.FromSeconds(moment - _most), TimeSpan.FromSeconds(moment - _least));
}
