// What all figures of one run share: the receiver, the bare loop, the PostgreSQL (started when first needed), the temporary folder.
using System.Runtime.InteropServices;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class Lab : IAsyncDisposable
{
    /// <summary>POSTs of the bare loop before and again after each figure: some seconds each.</summary>
    private const int PairedPosts = 100_000;

    private readonly string _folder;
    private BenchDatabase? _database;

    private Lab(BenchOptions options, string folder, ReceiverProcess receiver)
    {
        _folder = folder;
        Options = options;
        Receiver = receiver;
        Raw = new RawLoop(receiver, Rounds);
    }

    public BenchOptions Options { get; }

    public RoundCounter Rounds { get; } = new();

    public ReceiverProcess Receiver { get; }

    public RawLoop Raw { get; }

    public static async Task<Lab> OpenAsync(BenchOptions options, CancellationToken cancellationToken)
    {
        // Not a temporary folder of the system's making: those are closed to the user that PostgreSQL runs as when this runs as root.
        var folder = Path.Combine(Path.GetTempPath(), $"dispatcher-bench-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        try
        {
            return new Lab(options, folder, await ReceiverProcess.StartAsync(cancellationToken));
        }
        catch
        {
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>
    /// Plays a round between two measurements of the bare loop and returns it with their mean. A machine that others share changes its
    /// pace from minute to minute; what is measured on both sides of a round saw the same of it as the round.
    /// </summary>
    public async Task<(Round Round, RawResult Raw)> BetweenRawAsync(Func<Task<Round>> play, CancellationToken cancellationToken)
    {
        var posts = Math.Min(Options.Count ?? PairedPosts, PairedPosts);
        var before = await Raw.MeasureAsync(posts, cancellationToken);
        var round = await play();
        var after = await Raw.MeasureAsync(posts, cancellationToken);
        return (round, new RawResult((before.Rate + after.Rate) / 2, [.. before.Problems, .. after.Problems]));
    }

    /// <summary>A new database on the benchmark's PostgreSQL.</summary>
    public async Task<StageDatabase> CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        _database ??= await BenchDatabase.StartAsync(Path.Combine(_folder, "postgres"), cancellationToken);
        return await _database.CreateStageAsync(cancellationToken);
    }

    /// <summary>What the figures were measured on.</summary>
    public IEnumerable<string> Facts()
    {
        yield return $"medians of {Options.Runs} run(s), the bare loop measured before and after each";
        yield return $"{Environment.ProcessorCount} cores, shared by load, receiver, server and PostgreSQL";
        yield return $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}";
        if (_database is not null) yield return _database.Description;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            Raw.Dispose();
            await Receiver.DisposeAsync();
            if (_database is not null) await _database.DisposeAsync();
        }
        finally
        {
            Directory.Delete(_folder, recursive: true);
        }
    }
}
