// hangfire: the hosts beside each other, and what a job for each delivery would cost.
using System.Diagnostics;
using Dispatcher.Benchmarks.Harness;
using Dispatcher.Platform;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>Batches, as the figure <c>batch</c> publishes them, to the host in process, to bundles on Hangfire's workers, and to jobs of one delivery.</summary>
internal sealed class HangfireBenchmark : IBenchmark
{
    private const int Events = 100_000;

    /// <summary>What a job for each delivery gets through in the time that the others take for all.</summary>
    private const int SharePerJob = 50;

    private static readonly Dictionary<string, string> InProcess = [];

    private static readonly Dictionary<string, string> Bundles = new() { ["Dispatcher__Host"] = "hangfire" };

    private static readonly Dictionary<string, string> Jobs = new()
    {
        ["Dispatcher__Host"] = "hangfire",
        ["Dispatcher__Hangfire__MaxBundle"] = "1",
        ["Dispatcher__Hangfire__Workers"] = "20",
    };

    public string Verb => "hangfire";

    public Figure Main { get; } = new("hangfire: bundles on Hangfire's workers", "deliveries/s");

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        if (!HangfireSeam.IsIncluded)
        {
            report.Note("hangfire: left out, for this build has no Hangfire host (-p:Hangfire=true)");
            return;
        }

        var count = lab.Options.Count ?? Events;
        await MeasureAsync(lab, report, new Figure("hangfire: the host in process, for comparison", "deliveries/s"), InProcess, count, cancellationToken);
        await MeasureAsync(lab, report, Main, Bundles, count, cancellationToken);
        await MeasureAsync(
            lab, report, new Figure("hangfire: a job for each delivery", "deliveries/s"), Jobs, Math.Max(1, count / SharePerJob), cancellationToken);
    }

    private static async Task MeasureAsync(
        Lab lab, Report report, Figure figure, Dictionary<string, string> settings, int count, CancellationToken cancellationToken)
    {
        await using var stage = await Stage.OpenAsync(lab, settings, cancellationToken);
        report.Fail(figure, (await PlayAsync(BenchOptions.WarmUpFor(count))).Problems);
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var (round, raw) = await lab.BetweenRawAsync(() => PlayAsync(count), cancellationToken);
            var rate = count / Stopwatch.GetElapsedTime(round.StartedAt, round.RecordedAt).TotalSeconds;
            report.Add(new Sample(figure, rate, rate / raw.Rate, round.Cost, [.. raw.Problems, .. round.Problems]));
        }

        report.Fail(figure, await stage.CloseAsync(cancellationToken));

        Task<Round> PlayAsync(int events) =>
            stage.PlayAsync(events, (publisher, round, token) => publisher.BatchesAsync(round, events, token), cancellationToken);
    }
}
