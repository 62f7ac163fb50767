// Bulk actions of an organization: asking for one, and how far each has come.

using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Platform;
using Dispatcher.Recoveries;

namespace Dispatcher.Dashboard;

/// <summary>A bulk action, and how far it has come.</summary>
public sealed record BulkLine(
    string Id, string Action, string Filter, long Count, bool Counting, long Done, string Status, string? Error, DateTimeOffset CreatedAt, DateTimeOffset? FinishedAt)
{
    /// <summary>Whether it can still be cancelled.</summary>
    public bool IsUnderWay => FinishedAt is null;
}

/// <summary>Bulk actions, newest first.</summary>
public sealed record BulkModel(IReadOnlyList<BulkLine> Lines, string? NextCursor, bool IsFirst);

internal static class Bulk
{
    public static void MapBulkPages(this RouteGroupBuilder pages) => pages.MapGet("/bulk", Show);

    private static async Task<PageResult<BulkPage, BulkModel>> Show(PageQuery page, Tenant tenant, BulkStore store, CancellationToken ct)
    {
        var found = Page<BulkTaskView>.Of(await store.ListAsync(tenant, page, ct), page, t => t.Id[4..]);
        return new(new BulkModel(
            [.. found.Data.Select(t => new BulkLine(
                t.Id, t.Action, WordsOf(t.Filter), t.Count, t.Counting, t.Done, t.Status, t.Error, t.CreatedAt, t.FinishedAt))],
            found.NextCursor, page.After is null));
    }

    private static string WordsOf(BulkFilterView filter)
    {
        var words = new List<string>();
        if (filter.Status is not null) words.Add(filter.Status);
        if (filter.Type is not null) words.Add($"of {filter.Type}");
        if (filter.Integration is not null) words.Add($"to {filter.Integration}");
        if (filter.Since is { } since) words.Add($"since {Rfc3339Converter.ToText(since)}");
        if (filter.Until is { } until) words.Add($"before {Rfc3339Converter.ToText(until)}");
        return string.Join(' ', words);
    }
}
