// Errors as RFC 9457 problem details. Handlers throw ProblemException; ProblemMiddleware turns it, and everything unforeseen, into an answer.

using System.Text.Json.Serialization;

namespace Dispatcher.Platform;

/// <summary>The body of every refusal (RFC 9457).</summary>
/// <param name="Title">The kind of error, the same text for each error of its kind.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">What went wrong this time, and what to do.</param>
/// <param name="Errors">For 422 only: the name of each member or parameter at fault, with what is wrong with it.</param>
internal sealed record Problem(
    [property: Example("Invalid request")] string Title,
    [property: Example(422)] int Status,
    [property: Example("target: is required: an absolute http or https URL.")] string Detail,
    [property: Example("""{"target":["is required: an absolute http or https URL."]}""")]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors = null)
{
    public static Problem Malformed(string detail) => new("Malformed request", 400, detail);
    public static Problem Unauthenticated(string detail) => new("Not authenticated", 401, detail);
    public static Problem Forbidden(string detail) => new("Not allowed", 403, detail);
    public static Problem NotFound(string detail) => new("Not found", 404, detail);
    public static Problem Conflict(string detail) => new("Conflict", 409, detail);
    public static Problem TooLarge(string detail) => new("Too large", 413, detail);
    public static Problem TooSlow(string detail) => new("Request timeout", 408, detail);
    public static Problem Busy(string detail) => new("Too many requests", 429, detail);
    public static Problem Overloaded(string detail) => new("Overloaded", 503, detail);
    public static Problem Unavailable(string detail) => new("Store unavailable", 503, detail);

    public static Problem Invalid(IReadOnlyDictionary<string, string[]> errors) =>
        new("Invalid request", 422, string.Join(" ", errors.Select(e => $"{e.Key}: {string.Join(" ", e.Value)}")), errors);

    public static Problem Invalid(string member, string message) =>
        Invalid(new Dictionary<string, string[]> { [member] = [message] });

    public ProblemException AsException() => new(this);
}

/// <summary>Ends a request with a problem answer.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;

    /// <summary>When to come back, for 429 and 503.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Collects what is wrong with a request, so that one answer names every member at fault.</summary>
internal sealed class Faults
{
    private readonly Dictionary<string, List<string>> _byMember = new(StringComparer.Ordinal);
    private string[] _settled = [];

    public bool Any => _byMember.Count > 0;

    public bool Names(string member) => _byMember.ContainsKey(member);

    /// <summary>
    /// Whatever is at fault by now is said: further faults of these members, and of what lies in them, are not added. A member of the
    /// wrong type was taken out, so that a rule would only say of it, wrongly, that it is missing.
    /// </summary>
    public void Settle() => _settled = [.. _byMember.Keys];

    public void Add(string member, string message)
    {
        if (Array.Exists(_settled, s => member.StartsWith(s, StringComparison.Ordinal) && (member.Length == s.Length || member[s.Length] is '.' or '['))) return;
        if (!_byMember.TryGetValue(member, out var messages)) _byMember[member] = messages = [];
        messages.Add(message);
    }

    /// <summary>Adds the message unless the condition holds.</summary>
    public void Require(bool holds, string member, string message)
    {
        if (!holds) Add(member, message);
    }

    public Problem ToProblem() => Problem.Invalid(_byMember.ToDictionary(e => e.Key, e => e.Value.ToArray()));

    public void ThrowIfAny()
    {
        if (Any) throw ToProblem().AsException();
    }
}
