// backlog: whether what is stored slows down what comes in, and how fast it can be looked through.
using System.Diagnostics;
using System.Globalization;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>
/// Two databases, one empty and one with a month of finished deliveries; rounds of batches alternate between them. Then every list is
/// called on the full one, its first page and one from the middle.
/// </summary>
internal sealed class BacklogBenchmark : IBenchmark
{
    private const int Stored = 10_000_000, Events = 100_000, Calls = 100;

    private static readonly Figure Full = new("backlog: batches with finished deliveries stored", "events/s");
    private static readonly Figure Empty = new("backlog: batches with nothing stored", "events/s");
    private static readonly Figure Lists = new("backlog: the slowest list, p99", "ms", new Target(50, 25, OfRaw: false));

    public string Verb => "backlog";

    public Figure Main { get; } = new("backlog: throughput with 10,000,000 stored / with none", "x", new Target(0.8, 0.95, OfRaw: false));

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var stored = lab.Options.Count ?? Stored;
        await using var empty = await Stage.OpenAsync(lab, Stage.AllRoles, cancellationToken);
        await using var full = await Stage.OpenAsync(lab, Stage.AllRoles, cancellationToken);
        var started = Stopwatch.GetTimestamp();
        await new ArchiveSeed(full.Database, stored, ArchiveShape.Month).RunAsync(cancellationToken);
        var size = await full.Database.ScalarAsync<string>("SELECT pg_size_pretty(pg_database_size(current_database()))", cancellationToken);
        report.Note(string.Create(
            CultureInfo.InvariantCulture, $"backlog: {stored:n0} deliveries and what belongs to them take {size}; seeded in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s"));

        await CompareAsync(lab, empty, full, report, Math.Min(Events, stored), cancellationToken);
        await ListAsync(full, report, cancellationToken);
        report.Fail(Main, [.. await empty.CloseAsync(cancellationToken), .. await full.CloseAsync(cancellationToken)]);
    }

    private async Task CompareAsync(Lab lab, Stage empty, Stage full, Report report, int count, CancellationToken cancellationToken)
    {
        foreach (var stage in new[] { empty, full })
            report.Fail(Main, (await PlayAsync(stage, BenchOptions.WarmUpFor(count), cancellationToken)).Problems);
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var without = await PlayAsync(empty, count, cancellationToken);
            var with = await PlayAsync(full, count, cancellationToken);
            var (low, high) = (count / without.Effort.Elapsed.TotalSeconds, count / with.Effort.Elapsed.TotalSeconds);
            report.Add(new Sample(Empty, low, null, without.Cost, without.Problems));
            report.Add(new Sample(Full, high, null, with.Cost, with.Problems));
            report.Add(new Sample(Main, high / low, null, null, [.. without.Problems, .. with.Problems]));
        }
    }

    private static async Task ListAsync(Stage stage, Report report, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var calls = new ListCalls(stage.Server.Api, Calls);
        var (slowest, problems) = (0.0, new List<string>());
        foreach (var (name, paths) in await ArchiveLists.FindAsync(stage.Server.Api, now, cancellationToken))
        {
            await MeasureAsync(name, "first page", paths);
            if (await calls.MiddleAsync(paths[0], now.AddDays(-ArchiveShape.Month.Days / 3), cancellationToken) is { } middle) await MeasureAsync(name, "middle page", [middle]);
        }

        report.Add(new Sample(Lists, slowest, null, null, problems));

        async Task MeasureAsync(string name, string page, IReadOnlyList<string> paths)
        {
            var before = stage.ReadCpu();
            var times = await calls.MeasureAsync(paths, cancellationToken);
            // Of the server and PostgreSQL: what a busy machine does not stretch.
            var each = stage.ReadCpu() is { } after && before is not null ? (after - before).Per(Calls) : null;
            slowest = Math.Max(slowest, times.P99Ms);
            problems.AddRange(times.Problems);
            report.Note(string.Create(
                CultureInfo.InvariantCulture, $"list {name,-56} {page,-11}  p50 {times.MedianMs,6:0.0} ms  p99 {times.P99Ms,6:0.0} ms  processor {(each?.Postgres + each?.Servers) * 1000,5:0.0} ms  {times.Rows,3} rows"));
        }
    }

    private static Task<Round> PlayAsync(Stage stage, int count, CancellationToken cancellationToken) =>
        stage.PlayAsync(count, (publisher, round, token) => publisher.BatchesAsync(round, count, token), cancellationToken);
}
