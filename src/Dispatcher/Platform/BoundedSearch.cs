// Filtered lists whose cost is bounded by what a call may take, not by how much is stored.

namespace Dispatcher.Platform;

/// <summary>Some rows of a list, newest first.</summary>
/// <param name="Rows">What was found.</param>
/// <param name="Resume">Nothing that matches was missed down to this id, and there may be more below it; null: there is nothing below.</param>
internal sealed record Stretch<T>(List<T> Rows, Guid? Resume);

/// <summary>
/// An index for every combination of filters would be paid for by every delivery. Where none serves, the list is walked from its newest
/// row on, <see cref="Step"/> rows a statement, until the page is full or the call has taken <see cref="Patience"/>. A page that is not
/// full by then is given as it is, with a cursor: the caller's next call goes on from there.
/// </summary>
internal static class BoundedSearch
{
    /// <summary>For the API's description.</summary>
    public const string Description =
        "A filter that few rows match is searched for as long as a call may take. The page may then hold fewer rows than asked for, " +
        "even none; the search goes on with next_cursor, which is null only on the last page.";

    /// <summary>Rows that one statement looks at: a few milliseconds, also where each lies on a page of its own.</summary>
    public const int Step = 2000;

    /// <summary>After this no further step is begun, so that a call stays well under 50 ms.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(20);

    /// <summary>Looks for one row more than the page asks for.</summary>
    /// <param name="page">The page.</param>
    /// <param name="patience">After this no further step is begun; null: until the page is full.</param>
    /// <param name="time">The clock.</param>
    /// <param name="step">Looks at the rows below an id (null: at the newest) until it has found so many.</param>
    public static async Task<Stretch<T>> CollectAsync<T>(
        PageQuery page, TimeSpan? patience, TimeProvider time, Func<Guid?, int, Task<Stretch<T>>> step)
    {
        var (rows, after, started) = (new List<T>(), page.AfterId, time.GetTimestamp());
        while (true)
        {
            var (found, resume) = await step(after, page.Limit + 1 - rows.Count);
            rows.AddRange(found);
            after = resume;
            if (after is null || rows.Count > page.Limit || time.GetElapsedTime(started) >= patience) return new Stretch<T>(rows, after);
        }
    }
}
