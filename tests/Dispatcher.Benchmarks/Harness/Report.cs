// Collects samples and prints the table: medians, shares of the bare loop, targets, verification, costs.
using System.Globalization;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class Report
{
    private const double Megabyte = 1024 * 1024;

    private static readonly Figure Memory = new("resident memory at full load (peak)", "MB", new Target(300, 150, OfRaw: false));

    private static readonly string[] Heading =
        ["figure", "value", "unit", "of raw", "at least", "aim", "reached", "verified", "WAL B/dlv", "stmts/dlv", "server MB", "us/dlv: server", "postgres", "receiver", "load"];

    /// <summary>Columns of words, which stand to the left: figure, unit, reached, verified.</summary>
    private static readonly int[] Words = [0, 2, 6, 7];

    private readonly List<Sample> _samples = [];
    private readonly List<string> _notes = [];

    /// <summary>True when everything that was measured verified.</summary>
    public bool Verified => _samples.TrueForAll(sample => sample.Problems.Count == 0);

    public void Add(Sample sample)
    {
        _samples.Add(sample);
        foreach (var problem in sample.Problems) Console.Error.WriteLine($"  FAILED: {problem}");
        if (double.IsNaN(sample.Value)) return;
        var share = sample.Ratio is { } ratio ? string.Create(CultureInfo.InvariantCulture, $" ({ratio:0.000} of raw)") : "";
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"  {sample.Figure.Name}: {Number(sample.Value)} {sample.Figure.Unit}{share}"));
    }

    /// <summary>A line below the table, for what is not a figure. It is shown at once as well.</summary>
    public void Note(string line)
    {
        _notes.Add(line);
        Console.Error.WriteLine($"  {line}");
    }

    /// <summary>Says that something around a figure went wrong, or that it could not be measured at all.</summary>
    public void Fail(Figure figure, IReadOnlyList<string> problems)
    {
        if (problems.Count > 0) Add(new Sample(figure, double.NaN, null, null, problems));
    }

    public void Print(TextWriter output, IEnumerable<string> facts)
    {
        List<string[]> rows = [Heading, .. _samples.GroupBy(sample => sample.Figure).Select(Row)];
        if (MemoryRow() is { } memory) rows.Add(memory);

        var widths = Enumerable.Range(0, Heading.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        output.WriteLine();
        foreach (var row in rows) output.WriteLine(Line(row, widths));
        output.WriteLine();
        foreach (var note in _notes) output.WriteLine(note);
        if (_notes.Count > 0) output.WriteLine();
        foreach (var fact in facts) output.WriteLine(fact);
        foreach (var group in _samples.Where(sample => sample.Problems.Count > 0).GroupBy(sample => sample.Figure))
        {
            output.WriteLine();
            output.WriteLine($"FAILED {group.Key.Name}");
            foreach (var problem in group.SelectMany(sample => sample.Problems)) output.WriteLine($"  {problem}");
        }
    }

    private static string[] Row(IGrouping<Figure, Sample> samples)
    {
        var figure = samples.Key;
        // The rate of a round that did not verify is not a figure.
        var measured = samples.Where(sample => !double.IsNaN(sample.Value) && sample.Problems.Count == 0).ToList();
        var value = Median(measured.Select(sample => (double?)sample.Value));
        var ratio = Median(measured.Select(sample => sample.Ratio));
        var uncounted = measured.Exists(sample => sample.Cost is not null) ? "n/a" : "-";
        return
        [
            figure.Name, Number(value), figure.Unit, Share(ratio), .. Goals(figure.Target),
            value is { } v && figure.Target is { } target ? target.Judge(v, ratio) : "-",
            samples.All(sample => sample.Problems.Count == 0) ? "yes" : "FAILED",
            Number(Median(measured.Select(sample => sample.Cost?.WalBytes))),
            Number(Median(measured.Select(sample => sample.Cost?.Statements)), uncounted),
            Number(measured.Max(sample => sample.Cost?.PeakMemory / Megabyte)),
            Cpu(cpu => cpu.Servers), Cpu(cpu => cpu.Postgres), Cpu(cpu => cpu.Receiver), Cpu(cpu => cpu.Load),
        ];

        string Cpu(Func<CpuTimes, double> of) => Number(Median(measured.Select(sample => sample.Cost?.Cpu is { } cpu ? of(cpu) * 1e6 : (double?)null)));
    }

    // The most that any server took while it was given all the load that it could carry.
    private string[]? MemoryRow()
    {
        var peak = _samples.Where(sample => sample.Ratio is not null).Max(sample => sample.Cost?.PeakMemory / Megabyte);
        return peak is { } value
            ? [Memory.Name, Number(peak), Memory.Unit, "-", .. Goals(Memory.Target), Memory.Target!.Judge(value, null), "-", "-", "-", "-", "-", "-", "-", "-"]
            : null;
    }

    private static string Line(string[] row, int[] widths)
    {
        var cells = row.Select((cell, column) => Words.Contains(column) ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
        return string.Join("  ", cells).TrimEnd();
    }

    /// <summary>The middle one; null of none.</summary>
    public static double? Median(IEnumerable<double?> values)
    {
        var sorted = values.OfType<double>().Order().ToList();
        return sorted.Count == 0 ? null : (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    private static string Number(double? value, string otherwise = "-") => value switch
    {
        null or double.NaN => otherwise,
        >= 100 => value.Value.ToString("n0", CultureInfo.InvariantCulture),
        >= 1 => value.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.Value.ToString("0.000", CultureInfo.InvariantCulture),
    };

    private static string Share(double? ratio) => ratio?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";

    private static string[] Goals(Target? target) => target switch
    {
        null => ["-", "-"],
        { OfRaw: true } => [Share(target.Bound), Share(target.Aim)],
        _ => [Number(target.Bound), Number(target.Aim)],
    };
}
