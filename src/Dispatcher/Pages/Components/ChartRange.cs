// The spans of time that charts are shown over.

using Dispatcher.Platform;

namespace Dispatcher.Pages.Components;

/// <summary>A span that ends now.</summary>
/// <param name="Id">As in an address.</param>
/// <param name="Title">As people say it.</param>
/// <param name="Span">How long it is.</param>
/// <param name="Width">How long each point of a chart is.</param>
public sealed record ChartRange(string Id, string Title, TimeSpan Span, TimeSpan Width)
{
    /// <summary>The member of an address's query that chooses one.</summary>
    public const string Member = "range";

    /// <summary>All of them, the shortest first. None has more points than a chart can show.</summary>
    public static IReadOnlyList<ChartRange> All { get; } =
    [
        new("1h", "1 hour", TimeSpan.FromHours(1), TimeSpan.FromMinutes(1)),
        new("24h", "24 hours", TimeSpan.FromHours(24), TimeSpan.FromHours(1)),
        new("7d", "7 days", TimeSpan.FromDays(7), TimeSpan.FromHours(3)),
        new("30d", "30 days", TimeSpan.FromDays(30), TimeSpan.FromHours(12)),
    ];

    /// <summary>Those for what is told of every organization: a chart has a point for each minute or hour there.</summary>
    public static IReadOnlyList<ChartRange> UpToAWeek { get; } = [.. All.Take(3)];

    /// <summary>The one that an address chooses.</summary>
    /// <param name="id">What the address says.</param>
    /// <param name="byDefault">The one where it says nothing.</param>
    /// <exception cref="Platform.ProblemException">422: there is none of this name.</exception>
    internal static ChartRange Of(string? id, string byDefault = "24h")
    {
        if (string.IsNullOrEmpty(id)) id = byDefault;
        return All.SingleOrDefault(range => range.Id == id)
            ?? throw Problem.Invalid(Member, $"must be one of {string.Join(", ", All.Select(range => range.Id))}.").AsException();
    }
}
