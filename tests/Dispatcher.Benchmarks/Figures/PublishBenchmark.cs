// batch and single: events published as fast as the server accepts them, until all are delivered and recorded.
using System.Diagnostics;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

internal sealed class PublishBenchmark : IBenchmark
{
    private readonly int _events;
    private readonly Func<Publisher, int, int, CancellationToken, Task> _publish;

    private PublishBenchmark(string verb, Figure main, int events, Func<Publisher, int, int, CancellationToken, Task> publish)
    {
        Verb = verb;
        Main = main;
        _events = events;
        _publish = publish;
    }

    /// <summary>POST /events/batch with arrays of 100.</summary>
    public static PublishBenchmark Batch { get; } = new(
        "batch",
        new Figure("batch: accepted 100 a request, to delivered and recorded", "events/s", new Target(0.40, 0.60, OfRaw: true)),
        300_000,
        (publisher, round, count, cancellationToken) => publisher.BatchesAsync(round, count, cancellationToken));

    /// <summary>POST /events on 64 connections.</summary>
    public static PublishBenchmark Single { get; } = new(
        "single",
        new Figure("single: accepted one a request, to delivered and recorded", "events/s", new Target(0.15, 0.28, OfRaw: true)),
        100_000,
        (publisher, round, count, cancellationToken) => publisher.SinglesAsync(round, count, cancellationToken));

    public string Verb { get; }

    public Figure Main { get; }

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var count = lab.Options.Count ?? _events;
        await using var stage = await Stage.OpenAsync(lab, Stage.AllRoles, cancellationToken);
        var warmUp = await PlayAsync(stage, BenchOptions.WarmUpFor(count), cancellationToken);
        report.Fail(Main, warmUp.Problems);
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var (round, raw) = await lab.BetweenRawAsync(() => PlayAsync(stage, count, cancellationToken), cancellationToken);
            var rate = count / Stopwatch.GetElapsedTime(round.StartedAt, round.RecordedAt).TotalSeconds;
            report.Add(new Sample(Main, rate, rate / raw.Rate, round.Cost, [.. raw.Problems, .. round.Problems]));
        }

        report.Fail(Main, await stage.CloseAsync(cancellationToken));
    }

    private Task<Round> PlayAsync(Stage stage, int count, CancellationToken cancellationToken) =>
        stage.PlayAsync(count, (publisher, round, token) => _publish(publisher, round, count, token), cancellationToken);
}
