// Keyset pages: newest first, a cursor that says after which id the next page begins.

using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text;
using Microsoft.AspNetCore.Http.Metadata;

namespace Dispatcher.Platform;

/// <summary>One page of a list.</summary>
/// <param name="Data">The rows. A page of a filtered list may hold fewer than asked for, even none, before the last one.</param>
/// <param name="NextCursor">What the next call gives as <c>cursor</c>; null on the last page.</param>
internal sealed record Page<T>(IReadOnlyList<T> Data, [property: Example(Examples.Cursor)] string? NextCursor)
{
    /// <summary>Makes a page of rows that were read one more than asked for; the extra row only shows that there is a next page.</summary>
    public static Page<T> Of(List<T> rows, PageQuery query, Func<T, string> key)
    {
        if (rows.Count <= query.Limit) return new Page<T>(rows, null);
        rows.RemoveRange(query.Limit, rows.Count - query.Limit);
        return new Page<T>(rows, PageQuery.Encode(key(rows[^1])));
    }

    /// <summary>The same of a bounded search, which goes on where it stopped when it found fewer.</summary>
    public static Page<T> Of(Stretch<T> found, PageQuery query, Func<T, string> key) =>
        found.Resume is { } resume && found.Rows.Count <= query.Limit
            ? new Page<T>(found.Rows, PageQuery.Encode(resume.ToString("N")))
            : Of(found.Rows, query, key);
}

/// <summary>The query members <c>limit</c> (1 to 250, default 50) and <c>cursor</c> (opaque, from the page before).</summary>
internal sealed record PageQuery(int Limit, string? After) : IBindableFromHttpContext<PageQuery>, IEndpointParameterMetadataProvider
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 250;

    private const string NoCursor = "is not a cursor that a page of this list gave.";

    /// <summary>The id that this page begins after, for lists by id.</summary>
    public Guid? AfterId => After is null ? null : Guid.TryParseExact(After, "N", out var id) ? id : throw BadCursor();

    public static ValueTask<PageQuery?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var faults = new Faults();
        var (limit, after) = (DefaultLimit, (string?)null);
        if (context.Request.Query["limit"] is { Count: > 0 } limits
            && (!int.TryParse((string?)limits, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MaxLimit))
            faults.Add("limit", $"must be a whole number from 1 to {MaxLimit}.");
        if (context.Request.Query["cursor"] is { Count: > 0 } cursors && !TryDecode(cursors!, out after)) faults.Add("cursor", NoCursor);
        faults.ThrowIfAny();
        return ValueTask.FromResult<PageQuery?>(new PageQuery(limit, after));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        builder.Metadata.Add(Parameter.Number("limit", "How many rows the page may hold.", 1, MaxLimit, DefaultLimit));
        builder.Metadata.Add(Parameter.Text(
            "cursor", "Where the page begins: `next_cursor` of the page before, as it is. Absent: at the beginning.", Examples.Cursor, 400, "^[A-Za-z0-9_-]+$"));
    }

    public static string Encode(string key) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(key));

    /// <summary>Only what <see cref="Encode"/> gives: the decoder alone would take white space, padding and stray bits too.</summary>
    public static bool TryDecode(string cursor, [NotNullWhen(true)] out string? key)
    {
        key = null;
        if (cursor.Length is 0 or > 400 || !Base64Url.IsValid(cursor)) return false;
        var decoded = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor));
        if (decoded.Contains('\0', StringComparison.Ordinal) || Encode(decoded) != cursor) return false;
        key = decoded;
        return true;
    }

    public static ProblemException BadCursor() =>
        Problem.Invalid("cursor", NoCursor).AsException();
}
