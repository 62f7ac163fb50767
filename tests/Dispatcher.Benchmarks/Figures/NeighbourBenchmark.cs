// neighbour: what healthy integrations notice of one that is sick.
using System.Globalization;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>
/// Twenty integrations get 500 events a second. First by themselves, then while another has a million due deliveries and its target
/// hangs until the timeout, then with two more of those (one answers 500 at once, one drips its body), then among 10,000 others whose
/// deliveries wait for retries as well. Each figure is the healthy ones' 99th percentile as a multiple of what it was by themselves.
/// </summary>
internal sealed class NeighbourBenchmark : IBenchmark
{
    private const int Integrations = 20, PerSecond = 500, Seconds = 15, FewDue = 1_000, ManyDue = 1_000_000;

    /// <summary>Below this share of the rate asked for, the figure would speak of another load.</summary>
    private const double RateHeld = 0.98;

    private const double Megabyte = 1024 * 1024;

    /// <summary>What claiming calls: its cost must not depend on how much is due to an integration that takes nothing.</summary>
    private static readonly string[] ClaimRoutines = ["claim", "due_lanes"];

    private static readonly Figure Alone = new("neighbour: healthy integrations by themselves, p99", "ms");
    private static readonly Figure WithOneMs = new("neighbour: beside one that hangs, p99", "ms");
    private static readonly Figure WithThree = new("neighbour: beside one that hangs, one that fails, one that drips", "x", Goal);
    private static readonly Figure WithCrowd = new("neighbour: the same, and 10,000 integrations that wait", "x", Goal);
    private static readonly Figure Memory = new("neighbour: resident memory of the server, peak", "MB", new Target(300, 150, OfRaw: false));

    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(3);

    private static Target Goal => new(2, 1.2, OfRaw: false);

    public string Verb => "neighbour";

    public Figure Main { get; } = new("neighbour: p99 beside one with 1,000,000 due that hangs / without", "x", Goal);

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var due = lab.Options.Count ?? ManyDue;
        var few = Math.Min(FewDue, due);
        await using var stage = await Stage.OpenAsync(lab, [Stage.AllRoles], Integrations, cancellationToken);
        await PlayAsync(stage, report, Main, cancellationToken);
        var alone = await MeasureAsync(lab, stage, report, Alone, null, null, cancellationToken);

        var hang = await RegisterAsync(lab, stage, BadNeighbour.Hang, cancellationToken);
        var before = await ClaimsAsync(stage, cancellationToken);
        await DueBacklog.SeedAsync(stage.Database, hang, 0, few, cancellationToken);
        await SettleAsync(lab, stage, cancellationToken);
        await PlayAsync(stage, report, Main, cancellationToken);
        var between = await ClaimsAsync(stage, cancellationToken);
        NoteClaims(report, few, before, between);

        await DueBacklog.SeedAsync(stage.Database, hang, few, due, cancellationToken);
        await SettleAsync(lab, stage, cancellationToken);
        await MeasureAsync(lab, stage, report, WithOneMs, Main, alone, cancellationToken);
        NoteClaims(report, due, between, await ClaimsAsync(stage, cancellationToken));

        foreach (var kind in new[] { BadNeighbour.Fail, BadNeighbour.Drip })
            await DueBacklog.SeedAsync(stage.Database, await RegisterAsync(lab, stage, kind, cancellationToken), 0, due, cancellationToken);
        await SettleAsync(lab, stage, cancellationToken);
        await MeasureAsync(lab, stage, report, null, WithThree, alone, cancellationToken);

        await DueBacklog.SeedCrowdAsync(stage.Database, cancellationToken);
        await SettleAsync(lab, stage, cancellationToken);
        await MeasureAsync(lab, stage, report, null, WithCrowd, alone, cancellationToken);

        if (await lab.Receiver.ReceivedByBadAsync(cancellationToken) == 0) report.Fail(Main, ["the bad neighbours never got a POST"]);
        if (stage.Server.PeakMemory is { } peak) report.Add(new Sample(Memory, peak / Megabyte, null, null, []));
        report.Fail(Main, await stage.CloseAsync(cancellationToken));
    }

    private static async Task<double> MeasureAsync(
        Lab lab, Stage stage, Report report, Figure? absolute, Figure? relative, double? alone, CancellationToken cancellationToken)
    {
        var measured = new List<double?>();
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            var round = await PlayAsync(stage, report, absolute ?? relative!, cancellationToken);
            measured.Add(round.Arrivals.P99Ms);
            if (absolute is not null) report.Add(new Sample(absolute, round.Arrivals.P99Ms, null, round.Cost, round.Problems));
            if (relative is not null) report.Add(new Sample(relative, round.Arrivals.P99Ms / alone!.Value, null, round.Cost, round.Problems));
        }

        return Report.Median(measured)!.Value;
    }

    private static async Task<Round> PlayAsync(Stage stage, Report report, Figure figure, CancellationToken cancellationToken)
    {
        const int count = PerSecond * Seconds;
        var rate = 0.0;
        var round = await stage.PlayAsync(
            count,
            async (publisher, number, token) => rate = await publisher.PacedAsync(number, count, PerSecond, token),
            cancellationToken);
        if (rate < PerSecond * RateHeld) report.Fail(figure, [$"only {rate:n0} events/s could be published"]);
        return round;
    }

    private static Task<BenchIntegration> RegisterAsync(Lab lab, Stage stage, BadNeighbour kind, CancellationToken cancellationToken) =>
        BenchIntegration.RegisterAsync(stage.Server, $"bad.{kind}", lab.Receiver.Bad(kind), cancellationToken);

    // Until the neighbour has POSTs under way: before, there is nothing to measure.
    private static async Task SettleAsync(Lab lab, Stage stage, CancellationToken cancellationToken)
    {
        var before = await lab.Receiver.ReceivedByBadAsync(cancellationToken);
        await stage.Database.ExecuteAsync("NOTIFY dispatcher_wake", cancellationToken);
        await stage.Database.CheckpointAsync(cancellationToken);
        for (var waited = 0; waited < Deadlines.Stall.TotalSeconds; waited++)
        {
            await Task.Delay(Settle, cancellationToken);
            if (await lab.Receiver.ReceivedByBadAsync(cancellationToken) > before) return;
        }
    }

    private static async Task<RoutineCalls?[]> ClaimsAsync(Stage stage, CancellationToken cancellationToken)
    {
        var calls = new RoutineCalls?[ClaimRoutines.Length];
        for (var i = 0; i < calls.Length; i++) calls[i] = await stage.Database.CallsOfAsync(ClaimRoutines[i], cancellationToken);
        return calls;
    }

    private static void NoteClaims(Report report, int due, RoutineCalls?[] before, RoutineCalls?[] after)
    {
        for (var i = 0; i < ClaimRoutines.Length; i++)
        {
            var calls = after[i]?.Calls - before[i]?.Calls;
            var blocks = after[i]?.Blocks - before[i]?.Blocks;
            report.Note($"beside {due:n0} due of one that hangs, dispatcher.{ClaimRoutines[i]}: " + calls switch
            {
                null => "not counted, PostgreSQL runs without pg_stat_statements",
                0 => "not called",
                _ => string.Create(CultureInfo.InvariantCulture, $"{calls:n0} calls, {(double)blocks! / calls:n1} blocks of 8 KiB each"),
            });
        }
    }
}
