// drain: how fast a backlog goes out.
using System.Diagnostics;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>
/// A server with the role <c>api</c> alone accepts the events, so that nothing is sent; it is stopped, and one that also works is
/// started on what waits. The backlog is larger than the figure by a warm-up part: the clock starts when that part has arrived, so that
/// a cold process is not compared with a warm loop, and stops when everything has arrived and is recorded.
/// </summary>
internal sealed class DrainBenchmark : IBenchmark
{
    private const int Deliveries = 300_000;

    public string Verb => "drain";

    public Figure Main { get; } = new("drain: a backlog, to delivered and recorded", "deliveries/s", new Target(0.40, 0.65, OfRaw: true));

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var count = lab.Options.Count ?? Deliveries;
        var warmUp = BenchOptions.WarmUpFor(count);
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            await using var stage = await Stage.OpenAsync(lab, Stage.ApiOnly, cancellationToken);
            var (round, raw) = await lab.BetweenRawAsync(
                () => stage.PlayBacklogAsync(warmUp, warmUp + count, cancellationToken), cancellationToken);
            var rate = count / Stopwatch.GetElapsedTime(round.Arrivals.MarkedAt, round.RecordedAt).TotalSeconds;
            report.Add(new Sample(Main, rate, rate / raw.Rate, round.Cost, [.. raw.Problems, .. round.Problems]));
            report.Fail(Main, await stage.CloseAsync(cancellationToken));
        }
    }
}
