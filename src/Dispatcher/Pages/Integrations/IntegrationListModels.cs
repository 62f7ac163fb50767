// What the list of integrations shows.

using System.Globalization;

namespace Dispatcher.Pages.Integrations;

/// <summary>An integration in the list, with how it does.</summary>
/// <param name="Line">The integration.</param>
/// <param name="FailingSince">Since when nothing but failures; null: it is disabled, or its last attempt succeeded.</param>
/// <param name="OpenUntil">While its circuit breaker is open: when the next delivery is tried; null: it is disabled, or the breaker is closed.</param>
/// <param name="Succeeded">Attempts of the last 24 hours that succeeded, hour by hour; empty: there were none at all.</param>
/// <param name="Failed">Those that failed, likewise.</param>
public sealed record IntegrationRow(
    IntegrationLine Line, DateTimeOffset? FailingSince, DateTimeOffset? OpenUntil, IReadOnlyList<long> Succeeded, IReadOnlyList<long> Failed)
{
    private long Attempts => Succeeded.Sum() + Failed.Sum();

    /// <summary>The share of the attempts that succeeded, for people; null: there were none.</summary>
    public string? Rate => Attempts == 0 ? null : RateOf(Succeeded.Sum(), Attempts);

    /// <summary>The same in words.</summary>
    public string Summary => Attempts == 0
        ? "No attempts in 24 hours"
        : string.Create(CultureInfo.InvariantCulture, $"{Succeeded.Sum():#,0} of {Attempts:#,0} attempts succeeded in 24 hours");

    // 100 % and 0 % are said only where they are exact.
    private static string RateOf(long succeeded, long attempts) => (100d * succeeded / attempts) switch
    {
        100 => "100 %",
        > 99.9 => "> 99.9 %",
        0 => "0 %",
        < 0.1 => "< 0.1 %",
        var rate => rate.ToString("0.#", CultureInfo.InvariantCulture) + " %",
    };
}

/// <summary>The list of integrations.</summary>
/// <param name="Rows">This page's.</param>
/// <param name="NextCursor">Where the next page begins; null: this is the last.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
/// <param name="Search">What names or targets are searched for; null: nothing.</param>
/// <param name="Status">One of <see cref="Statuses"/>; null: any.</param>
public sealed record IntegrationsModel(IReadOnlyList<IntegrationRow> Rows, string? NextCursor, bool IsFirst, string? Search, string? Status)
{
    /// <summary>What can be asked for by status, and in words.</summary>
    public static readonly IReadOnlyDictionary<string, string> Statuses = new Dictionary<string, string>
    {
        ["enabled"] = "Enabled",
        ["failing"] = "Failing",
        ["paused"] = "Paused by the circuit breaker",
        ["disabled"] = "Disabled",
    };

    /// <summary>Whether not all of the list is asked for.</summary>
    public bool IsFiltered => Search is not null || Status is not null;

    /// <summary>The list's first page with these filters, below the face's root.</summary>
    public string Address
    {
        get
        {
            var filters = new[] { ("q", Search), ("status", Status) }.Where(f => f.Item2 is not null).Select(f => $"{f.Item1}={Uri.EscapeDataString(f.Item2!)}");
            var query = string.Join('&', filters);
            return query.Length == 0 ? "integrations" : "integrations?" + query;
        }
    }
}
