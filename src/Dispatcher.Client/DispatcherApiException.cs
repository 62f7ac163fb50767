// The server said no: its problem+json as an exception.

using System.Net;
using System.Text;

namespace Dispatcher.Client;

/// <summary>
/// The server answered, and the answer was a refusal (RFC 9457). Where no answer came at all, an <see cref="HttpRequestException"/> is
/// thrown instead.
/// </summary>
public sealed class DispatcherApiException : Exception
{
    private static readonly IReadOnlyDictionary<string, IReadOnlyList<string>> NoErrors =
        new Dictionary<string, IReadOnlyList<string>>();

    internal DispatcherApiException(HttpStatusCode status, ApiProblem? problem, TimeSpan? retryAfter = null, Exception? inner = null)
        : this((int)status, problem?.Title ?? status.ToString(), problem?.Detail, problem?.Errors ?? NoErrors, retryAfter, inner)
    {
    }

    private DispatcherApiException(
        int status,
        string title,
        string? detail,
        IReadOnlyDictionary<string, IReadOnlyList<string>> errors,
        TimeSpan? retryAfter,
        Exception? inner)
        : base(Describe(status, title, detail, errors), inner)
    {
        Status = status;
        Title = title;
        Detail = detail;
        Errors = errors;
        RetryAfter = retryAfter;
    }

    /// <summary>The HTTP status; for an item of a batch, the status that the item alone would have got.</summary>
    public int Status { get; }

    /// <summary>What kind of refusal it is.</summary>
    public string Title { get; }

    /// <summary>What was wrong this time, if the server said.</summary>
    public string? Detail { get; }

    /// <summary>For 422: each wrong member of the request and what is wrong with it. Otherwise empty.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Errors { get; }

    /// <summary>How long the server asked to be left alone (429, 503), if it did.</summary>
    public TimeSpan? RetryAfter { get; }

    private static string Describe(
        int status, string title, string? detail, IReadOnlyDictionary<string, IReadOnlyList<string>> errors)
    {
        var text = new StringBuilder().Append(status).Append(' ').Append(title);
        if (detail is not null)
            text.Append(": ").Append(detail);
        foreach (var (member, messages) in errors)
            text.Append(" [").Append(member).Append(": ").AppendJoin("; ", messages).Append(']');
        return text.ToString();
    }
}

/// <summary>problem+json as it stands on the wire; every member may be missing when something between us and the server answered.</summary>
internal sealed record ApiProblem(
    string? Title,
    int? Status,
    string? Detail,
    IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors);
