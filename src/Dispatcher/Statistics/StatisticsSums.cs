// Rows of counts added up, and what is read from the sums.

using Dispatcher.Sending;

namespace Dispatcher.Statistics;

internal sealed class StatisticsSums
{
    private readonly long[] _outcomes = new long[OutcomeOrder.All.Length];
    private readonly long[] _latencies = new long[LatencyHistogram.Buckets];
    private long _latencyMicroseconds;

    public long Events { get; private set; }
    public long MadeDeliveries { get; private set; }
    public DeliveryStats Deliveries { get; private set; } = new(0, 0, 0, 0);
    public long Attempts => _outcomes.Sum();
    public long Succeeded => _outcomes[OutcomeOrder.PlaceOf(SendOutcome.Succeeded)];
    public long Failed => Attempts - Succeeded;
    public double? SuccessRate => Attempts == 0 ? null : (double)Succeeded / Attempts;

    public AttemptStats AttemptStats => new(Attempts, Succeeded, Failed, OutcomeOrder.All
        .Where(o => _outcomes[OutcomeOrder.PlaceOf(o)] > 0)
        .ToDictionary(SendOutcomes.ToName, o => _outcomes[OutcomeOrder.PlaceOf(o)]));

    public LatencyStats? Latency => Attempts == 0 ? null : new(
        Percentile(0.5)!.Value, Percentile(0.95)!.Value, Percentile(0.99)!.Value, Math.Round(_latencyMicroseconds / 1000d / Attempts, 3));

    /// <summary>In milliseconds; null without attempts.</summary>
    public double? Percentile(double share) =>
        Attempts == 0 ? null : Math.Round(LatencyHistogram.Percentile(_latencies, share).TotalMilliseconds, 3);

    public void Add(CounterRow row)
    {
        Events += row.Events;
        MadeDeliveries += row.Deliveries;
        Deliveries = new DeliveryStats(
            Deliveries.Total + row.Succeeded + row.Exhausted + row.Cancelled,
            Deliveries.Succeeded + row.Succeeded,
            Deliveries.Exhausted + row.Exhausted,
            Deliveries.Cancelled + row.Cancelled);
        _latencyMicroseconds += row.LatencyMicroseconds;
        AddOutcomes(row.Outcomes);
        for (var i = 0; i < row.Latencies.Length; i++) _latencies[row.LatencyFrom + i] += row.Latencies[i];
    }

    /// <summary>Adds stored counts of attempts by outcome. A newer version on the same database may know further outcomes.</summary>
    public void AddOutcomes(long[] outcomes)
    {
        for (var i = 0; i < Math.Min(outcomes.Length, _outcomes.Length); i++) _outcomes[i] += outcomes[i];
    }
}
