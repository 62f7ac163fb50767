// The command line.
using System.Globalization;

namespace Dispatcher.Benchmarks;

/// <summary>What was asked for.</summary>
/// <param name="Verb">A figure, or <c>all</c>.</param>
/// <param name="Count">Events in each round; null: each figure's own.</param>
/// <param name="Runs">Measurements of each figure, of which the median counts.</param>
/// <param name="ServerAssembly">The server under test.</param>
/// <param name="Database">For <c>pages</c>: where what is stored stays for the next run; null: a database that is dropped.</param>
internal sealed record BenchOptions(string Verb, int? Count, int Runs, string ServerAssembly, string? Database = null)
{
    public const string AllVerb = "all", ReceiveVerb = "receive";

    private const int DefaultRuns = 3, MaxRuns = 100, MaxCount = 10_000_000;

    /// <summary>Events that bring a server to its full speed before a round of <paramref name="count"/> is measured.</summary>
    public static int WarmUpFor(int count) => Math.Max(1, count / 3);

    public static string Usage(IEnumerable<string> verbs) =>
        $"""
        Usage: dotnet run -c Release --project tests/Dispatcher.Benchmarks -- [{AllVerb}|{string.Join('|', verbs)}] [options]
          --count N      events in each round (default: as the figure is defined)
          --runs N       measurements of each figure; their median is printed (default {DefaultRuns})
          --server PATH  another build's Dispatcher.dll to measure
          --database C   for pages: the connection string of a database of yours, which is filled if it is empty, and kept
        """;

    /// <summary>Reads the arguments; null, with the reason, when they cannot be understood.</summary>
    public static BenchOptions? Parse(string[] arguments, IReadOnlyCollection<string> verbs, out string problem)
    {
        var options = new BenchOptions(AllVerb, null, DefaultRuns, Path.Combine(AppContext.BaseDirectory, "Dispatcher.dll"));
        problem = "";
        for (var i = 0; i < arguments.Length && problem.Length == 0; i++)
        {
            var (argument, value) = (arguments[i], i + 1 < arguments.Length ? arguments[i + 1] : "");
            if (!argument.StartsWith('-'))
            {
                options = options with { Verb = argument };
                if (argument != AllVerb && !verbs.Contains(argument)) problem = $"There is no figure '{argument}'.";
                continue;
            }

            i++;
            switch (argument)
            {
                case "--count" when Number(value, MaxCount) is { } count: options = options with { Count = count }; break;
                case "--runs" when Number(value, MaxRuns) is { } runs: options = options with { Runs = runs }; break;
                case "--server" when File.Exists(value): options = options with { ServerAssembly = Path.GetFullPath(value) }; break;
                case "--database" when value.Length > 0: options = options with { Database = value }; break;
                default: problem = $"'{argument} {value}' is not understood."; break;
            }
        }

        return problem.Length == 0 ? options : null;
    }

    private static int? Number(string text, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= max ? number : null;
}
