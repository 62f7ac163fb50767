// bloat: whether the queue stays small when millions of deliveries go through it.
using System.Globalization;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>Batches without a pause; the sizes of the queue and of its indexes are read after each tenth.</summary>
internal sealed class BloatBenchmark : IBenchmark
{
    /// <summary>As a figure of its own, and among all of them, which are to end within half an hour.</summary>
    private const int Deliveries = 5_000_000, AmongAll = 1_000_000;

    private const int Rounds = 10;

    private const double Megabyte = 1024 * 1024;

    private const string Sizes =
        """
        SELECT pg_table_size('dispatcher.queue'), pg_indexes_size('dispatcher.queue'), n_dead_tup, n_tup_ins, autovacuum_count
        FROM pg_stat_all_tables WHERE relid = 'dispatcher.queue'::regclass
        """;

    private static readonly Figure Rate = new("bloat: batches all the while, the last tenth / the first", "x", new Target(0.8, 0.95, OfRaw: false));

    public string Verb => "bloat";

    public Figure Main { get; } = new("bloat: queue and its indexes, the most that they took", "MB");

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        var total = lab.Options.Count ?? (lab.Options.Verb is BenchOptions.AllVerb ? AmongAll : Deliveries);
        var count = Math.Max(1, total / Rounds);
        await using var stage = await Stage.OpenAsync(lab, Stage.AllRoles, cancellationToken);
        var warmUp = await PlayAsync(stage, BenchOptions.WarmUpFor(count), cancellationToken);
        List<string> problems = [.. warmUp.Problems];
        var (most, rates) = (0.0, new List<double>());
        for (var round = 1; round <= Rounds; round++)
        {
            var played = await PlayAsync(stage, count, cancellationToken);
            problems.AddRange(played.Problems);
            rates.Add(count / played.Effort.Elapsed.TotalSeconds);
            most = Math.Max(most, await MeasureAsync(stage, report, round * count, cancellationToken));
        }

        report.Add(new Sample(Main, most, null, null, problems));
        report.Add(new Sample(Rate, rates[^1] / rates[0], null, null, problems));
        report.Fail(Main, await stage.CloseAsync(cancellationToken));
    }

    private static async Task<double> MeasureAsync(Stage stage, Report report, int deliveries, CancellationToken cancellationToken)
    {
        var row = await stage.Database.RowAsync(Sizes, cancellationToken);
        var (table, indexes) = ((long)row[0] / Megabyte, (long)row[1] / Megabyte);
        report.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"bloat: after {deliveries:n0} deliveries the queue has {table:n1} MB and its indexes {indexes:n1} MB, {row[2]:n0} dead rows of {row[3]:n0}, vacuumed {row[4]} times"));
        return table + indexes;
    }

    private static Task<Round> PlayAsync(Stage stage, int count, CancellationToken cancellationToken) =>
        stage.PlayAsync(count, (publisher, round, token) => publisher.BatchesAsync(round, count, token), cancellationToken);
}
