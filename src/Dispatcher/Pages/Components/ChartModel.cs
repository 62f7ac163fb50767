// What a chart shows, and how values become places in it.

using System.Globalization;

namespace Dispatcher.Pages.Components;

/// <summary>Values over time under one name.</summary>
/// <param name="Name">What is counted or measured.</param>
/// <param name="Tone">Its colour: <c>good</c>, <c>bad</c>, <c>warn</c>, <c>busy</c>, <c>accent</c>, <c>quiet</c>.</param>
/// <param name="Values">One value a time; null: none is known.</param>
public sealed record ChartSeries(string Name, string Tone, IReadOnlyList<double?> Values);

/// <summary>Numbers as charts write them.</summary>
public static class ChartText
{
    private static readonly int[] Steps = [1, 2, 5, 10];

    /// <summary>A coordinate: short, and never with a comma.</summary>
    public static string Place(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>A value for people: 12,345 or 1.5 M, as short as it can be told.</summary>
    public static string Amount(double value) => Math.Abs(value) switch
    {
        >= 1_000_000 => (value / 1_000_000).ToString("0.#", CultureInfo.InvariantCulture) + " M",
        >= 10_000 => (value / 1_000).ToString("0.#", CultureInfo.InvariantCulture) + " k",
        >= 100 => value.ToString("#,0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.##", CultureInfo.InvariantCulture),
    };

    /// <summary>The least of 1, 2, 5, 10, 20, 50 … that is not below a value: where an axis ends.</summary>
    public static double AxisEnd(double value)
    {
        if (value <= 0) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(value)));
        return Steps.Select(step => step * power).First(end => end >= value * 0.9999);
    }
}
