// The lines of the table and what they are held to.
namespace Dispatcher.Benchmarks.Harness;

/// <summary>A line of the table.</summary>
/// <param name="Name">What is measured.</param>
/// <param name="Unit">Of its value.</param>
/// <param name="Target">What it should reach; null for a yardstick.</param>
internal sealed record Figure(string Name, string Unit, Target? Target = null);

/// <summary>What a figure should reach. Lower is better when the aim is below the bound.</summary>
/// <param name="Bound">At least this (at most, when lower is better).</param>
/// <param name="Aim">What it is built for.</param>
/// <param name="OfRaw">True when both are shares of the bare loop; false when they are in the figure's unit.</param>
internal sealed record Target(double Bound, double Aim, bool OfRaw)
{
    /// <summary>"aim", "bound" or "MISSED".</summary>
    public string Judge(double value, double? ratio)
    {
        var reached = OfRaw ? ratio ?? 0 : value;
        bool Meets(double goal) => Aim < Bound ? reached <= goal : reached >= goal;
        return Meets(Aim) ? "aim" : Meets(Bound) ? "bound" : "MISSED";
    }
}

/// <summary>One measurement of a figure.</summary>
/// <param name="Figure">The line that it belongs to.</param>
/// <param name="Value">In the figure's unit.</param>
/// <param name="Ratio">To the bare loop measured just before; null where that says nothing.</param>
/// <param name="Cost">What it cost; null where no server was involved.</param>
/// <param name="Problems">What did not verify; empty normally.</param>
internal sealed record Sample(Figure Figure, double Value, double? Ratio, Cost? Cost, IReadOnlyList<string> Problems);

/// <summary>One verb of this program.</summary>
internal interface IBenchmark
{
    /// <summary>As given on the command line.</summary>
    string Verb { get; }

    /// <summary>The line that stands for it when it fails before it measures anything.</summary>
    Figure Main { get; }

    /// <summary>Warms up, measures as often as asked, and reports every sample.</summary>
    Task RunAsync(Lab lab, Report report, CancellationToken cancellationToken);
}
