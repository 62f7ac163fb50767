// latency: from just before an event is published to its arrival, at a rate that leaves the server idle most of the time.
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>
/// An open loop: events leave by the clock, whether or not earlier ones were answered, so that a stall is seen by all that it delays.
/// </summary>
internal sealed class LatencyBenchmark : IBenchmark
{
    private const int PerSecond = 1_000, Seconds = 20;

    /// <summary>Below this share of the rate asked for, the figure would speak of another load.</summary>
    private const double RateHeld = 0.99;

    private static readonly Figure P99 = new("latency: accept to received at 1,000 events/s, p99", "ms", new Target(60, 20, OfRaw: false));

    public string Verb => "latency";

    public Figure Main { get; } = new("latency: accept to received at 1,000 events/s, p50", "ms", new Target(10, 3, OfRaw: false));

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var count = lab.Options.Count ?? PerSecond * Seconds;
        await using var stage = await Stage.OpenAsync(lab, Stage.AllRoles, cancellationToken);
        await WarmUpAsync(stage, report, count, cancellationToken);
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var rate = 0.0;
            var round = await stage.PlayAsync(
                count,
                async (publisher, number, token) => rate = await publisher.PacedAsync(number, count, PerSecond, token),
                cancellationToken);
            var problems = round.Problems.ToList();
            if (rate < PerSecond * RateHeld) problems.Add($"only {rate:n0} events/s could be published");
            report.Add(new Sample(Main, round.Arrivals.MedianMs, null, round.Cost, problems));
            report.Add(new Sample(P99, round.Arrivals.P99Ms, null, round.Cost, problems));
        }

        report.Fail(Main, await stage.CloseAsync(cancellationToken));
    }

    // At 1,000 a second code is optimized late; a burst brings both sides to where a server is that has run for a while.
    private async Task WarmUpAsync(Stage stage, Report report, int count, CancellationToken cancellationToken)
    {
        var burst = await stage.PlayAsync(
            count, (publisher, round, token) => publisher.SinglesAsync(round, count, token), cancellationToken);
        var paced = BenchOptions.WarmUpFor(count);
        var pace = await stage.PlayAsync(
            paced, (publisher, round, token) => publisher.PacedAsync(round, paced, PerSecond, token), cancellationToken);
        report.Fail(Main, [.. burst.Problems, .. pace.Problems]);
    }
}
