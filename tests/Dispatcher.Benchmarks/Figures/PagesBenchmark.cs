// pages: how long people wait for the dashboard and the portal when much is stored.
using System.Diagnostics;
using System.Globalization;
using Dispatcher.Benchmarks.Harness;

namespace Dispatcher.Benchmarks.Figures;

/// <summary>
/// Fills a database with a week of deliveries and asks for every page, and for the answers of the API behind them, one after the other
/// and in random order. A page is what the server sends for its address; what a browser then does with it is not in the figure.
/// </summary>
internal sealed class PagesBenchmark : IBenchmark
{
    private const int Stored = 10_000_000, AmongAll = 1_000_000, Calls = 20;

    /// <summary>One order for all runs, so that two runs differ by nothing of our own.</summary>
    private const int Seed = 20;

    private static readonly Figure Median = new("pages: the slowest page, median", "ms", new Target(200, 50, OfRaw: false));

    public string Verb => "pages";

    public Figure Main { get; } = new("pages: the slowest page, p95", "ms", new Target(200, 100, OfRaw: false));

    public async Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken)
    {
        await using var database = lab.Options.Database is { } given
            ? await StageDatabase.OpenAsync(given, cancellationToken)
            : await lab.CreateDatabaseAsync(cancellationToken);
        await using var server = await ServerProcess.StartAsync(
            lab.Options.ServerAssembly, database.ConnectionString, Stage.AllRoles, new Dictionary<string, string>(), cancellationToken);
        await FillAsync(lab, database, report, cancellationToken);

        using var visitor = await PageVisitor.EnterAsync(server, ArchiveSeed.Big, cancellationToken);
        var pages = await PageList.FindAsync(server, cancellationToken);
        var problems = new List<string>();
        // The first visit of each page pays for compiling it, and is not counted.
        foreach (var page in pages) await visitor.VisitAsync(page, cancellationToken);
        var order = Enumerable.Range(0, Calls * lab.Options.Runs).SelectMany(_ => pages).ToArray();
        new Random(Seed).Shuffle(order);
        var times = pages.ToDictionary(page => page, _ => new List<double>());
        foreach (var page in order)
        {
            var visit = await visitor.VisitAsync(page, cancellationToken);
            times[page].Add(visit.Elapsed.TotalMilliseconds);
            if (visit.Problem is { } problem && !problems.Contains(problem)) problems.Add(problem);
        }

        var lines = pages.Select(page => new Times(page, times[page])).ToList();
        report.Add(new Sample(Main, lines.Max(line => line.At(0.95)), null, null, problems));
        report.Add(new Sample(Median, lines.Max(line => line.At(0.5)), null, null, problems));
        foreach (var line in lines) report.Note(line.ToString());
        report.Fail(Main, await server.StopAsync() is { } unclean ? [unclean] : []);
    }

    private static async Task FillAsync(Lab lab, StageDatabase database, Report report, CancellationToken cancellationToken)
    {
        if (!await database.ScalarAsync<bool>("SELECT EXISTS (SELECT FROM dispatcher.delivery)", cancellationToken))
        {
            var started = Stopwatch.GetTimestamp();
            await new PageSeed(database, lab.Options.Count ?? (lab.Options.Verb is BenchOptions.AllVerb ? AmongAll : Stored)).RunAsync(cancellationToken);
            report.Note(string.Create(CultureInfo.InvariantCulture, $"pages: filled in {Stopwatch.GetElapsedTime(started).TotalSeconds:n0} s"));
        }

        var row = await database.RowAsync(
            """
            SELECT (SELECT count(*) FROM dispatcher.delivery), (SELECT count(*) FROM dispatcher.queue), (SELECT count(*) FROM dispatcher.stats_hour),
                   pg_size_pretty(pg_database_size(current_database()))
            """, cancellationToken);
        report.Note(string.Create(
            CultureInfo.InvariantCulture, $"pages: {row[0]:n0} deliveries finished and {row[1]:n0} live, counted in {row[2]:n0} rows of hours, take {row[3]}; {Calls} visits of each page in each run"));
    }

    /// <summary>How long each visit of a page took, in milliseconds.</summary>
    private sealed class Times(Page page, List<double> visits)
    {
        private readonly List<double> _sorted = [.. visits.Order()];

        public double At(double share) => _sorted[Math.Max(1, (int)Math.Ceiling(_sorted.Count * share)) - 1];

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture, $"{page.Face,-9} {page.Name,-58} median {At(0.5),6:0.0} ms  p95 {At(0.95),6:0.0} ms  worst {_sorted[^1],6:0.0} ms");
    }
}
