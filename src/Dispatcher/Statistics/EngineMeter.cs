// What the engine does, as instruments that Prometheus and OTLP read. Never an organization or an integration as a label: they have no bound.

using System.Diagnostics.Metrics;
using Dispatcher.Sending;

namespace Dispatcher.Statistics;

/// <summary>The instruments of the meter <c>Dispatcher</c> that count what <see cref="Counters"/> counts: what is durable, on this node, since its start.</summary>
internal sealed class EngineMeter(Meter meter)
{
    public const string Name = "Dispatcher";

    private static readonly KeyValuePair<string, object?>[] Outcomes =
        [.. Enum.GetValues<SendOutcome>().Select(o => new KeyValuePair<string, object?>("outcome", SendOutcomes.ToName(o)))];

    private static readonly KeyValuePair<string, object?>[] Ends =
        [.. Enum.GetValues<DeliveryEnd>().Select(e => new KeyValuePair<string, object?>("status", e.ToString().ToLowerInvariant()))];

    private readonly Counter<long> _events = meter.CreateCounter<long>("dispatcher.events.accepted", "{event}", "Events that were accepted");
    private readonly Counter<long> _deliveries = meter.CreateCounter<long>("dispatcher.deliveries.created", "{delivery}", "Deliveries that accepted events made");
    private readonly Counter<long> _finished = meter.CreateCounter<long>("dispatcher.deliveries.finished", "{delivery}", "Deliveries that ended, by how they did");
    private readonly Histogram<double> _attempts = meter.CreateHistogram("dispatcher.attempt.duration", "s", "How long attempts took, by outcome", null,
        new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60] });

    /// <summary>For gauges of those who know what they show.</summary>
    public Meter Meter => meter;

    public void Accepted(int deliveries)
    {
        _events.Add(1);
        if (deliveries > 0) _deliveries.Add(deliveries);
    }

    public void Attempt(SendOutcome outcome, TimeSpan latency) => _attempts.Record(latency.TotalSeconds, Outcomes[(int)outcome]);

    public void Ended(DeliveryEnd end, long deliveries)
    {
        if (end != DeliveryEnd.None) _finished.Add(deliveries, Ends[(int)end]);
    }
}
