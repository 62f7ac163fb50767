// nodes: what further server processes on one database bring, and what holds them back.
using System.Globalization;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>Batches spread over one, two and three nodes that do everything, and all of them to one that only accepts for two that send.</summary>
internal sealed class NodesBenchmark : IBenchmark
{
    private const int Events = 100_000;

    /// <summary>Above this share of the machine's cores, they are what is short.</summary>
    private const double Busy = 0.9;

    private static readonly (string Name, string[] Nodes)[] Others =
    [
        ("nodes: 2, accepting and sending", [Stage.AllRoles, Stage.AllRoles]),
        ("nodes: 3, accepting and sending", [Stage.AllRoles, Stage.AllRoles, Stage.AllRoles]),
        ("nodes: 1 accepting, 2 sending", [Stage.ApiOnly, Stage.WorkerOnly, Stage.WorkerOnly]),
    ];

    public string Verb => "nodes";

    public Figure Main { get; } = new("nodes: 1, accepting and sending", "events/s");

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        await MeasureAsync(lab, report, Main, [Stage.AllRoles], cancellationToken);
        foreach (var (name, nodes) in Others) await MeasureAsync(lab, report, new Figure(name, "events/s"), nodes, cancellationToken);
    }

    private static async Task MeasureAsync(Lab lab, Report report, Figure figure, string[] nodes, CancellationToken cancellationToken)
    {
        var count = lab.Options.Count ?? Events;
        await using var stage = await Stage.OpenAsync(lab, nodes, 1, cancellationToken);
        report.Fail(figure, (await PlayAsync(stage, BenchOptions.WarmUpFor(count), cancellationToken)).Problems);
        Round? last = null;
        for (var run = 0; run < lab.Options.Runs; run++)
        {
            last = await PlayAsync(stage, count, cancellationToken);
            report.Add(new Sample(figure, count / last.Effort.Elapsed.TotalSeconds, null, last.Cost, last.Problems));
        }

        if (last is not null) report.Note($"{figure.Name}: {Describe(last.Effort)}");
        report.Fail(figure, await stage.CloseAsync(cancellationToken));
    }

    private static Task<Round> PlayAsync(Stage stage, int count, CancellationToken cancellationToken) =>
        stage.PlayAsync(count, (publisher, round, token) => publisher.BatchesAsync(round, count, token), cancellationToken);

    private static string Describe(Effort effort)
    {
        var seconds = effort.Elapsed.TotalSeconds;
        var commits = (effort.After.Commits - effort.Before.Commits) / seconds;
        var syncs = (effort.After.WalSyncs - effort.Before.WalSyncs) / seconds;
        var disk = string.Create(CultureInfo.InvariantCulture, $"{commits:n0} commits/s, {(syncs is { } s ? $"{s:n0}" : "uncounted")} log flushes/s");
        if (effort.Cpu is not { } cpu) return disk;
        var cores = Environment.ProcessorCount * seconds;
        var others = Math.Max(0, cpu.Machine - cpu.Servers - cpu.Postgres - cpu.Receiver - cpu.Load);
        return string.Create(CultureInfo.InvariantCulture, $"""
            cores {cpu.Machine / cores:p0} busy (servers {cpu.Servers / cores:p0}, PostgreSQL {cpu.Postgres / cores:p0}, receiver {cpu.Receiver / cores:p0}, load {cpu.Load / cores:p0}, others {others / cores:p0}), {disk}: bound by {(cpu.Machine / cores > Busy ? "the cores" : "waiting (log flushes, round trips, locks)")}
            """);
    }
}
