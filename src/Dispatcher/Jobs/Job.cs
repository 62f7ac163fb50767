// A job: the provider's unit of work, whose state changes are emitted as events.

using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Jobs;

internal sealed class Job
{
    public required string OrganizationId { get; set; }
    public required string Id { get; set; }
    public required string Kind { get; set; }
    public required string Status { get; set; }
    public string? Project { get; set; }
    public string? Inbox { get; set; }
    public string? WorkflowName { get; set; }
    public string? Usage { get; set; }
    public string? Error { get; set; }
    public string? FnStatus { get; set; }
    public string? Result { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset UpdatedAt { get; set; }
    public DateTimeOffset? FinishedAt { get; set; }
}

/// <summary>The states of a job and the moves between them: <c>pending → processing → successful | failure | cancelled</c>, where
/// <c>pending</c> may go straight to an end state and an end state is final.</summary>
internal static class JobStatus
{
    public const string Pending = "pending";
    public const string Processing = "processing";
    public const string Successful = "successful";
    public const string Failure = "failure";
    public const string Cancelled = "cancelled";

    public static readonly string[] All = [Pending, Processing, Successful, Failure, Cancelled];

    public static bool IsKnown(string? status) => All.Contains(status, StringComparer.Ordinal);

    public static bool IsEnd(string status) => status is Successful or Failure or Cancelled;

    public static bool MayMove(string from, string to) => from switch
    {
        Pending => to is Processing || IsEnd(to),
        Processing => IsEnd(to),
        _ => false,
    };
}

/// <summary>A new job.</summary>
/// <param name="Kind">One of the configured kinds: <c>document_predict</c>, <c>document_evaluate</c>, <c>document_ingestion</c>, <c>workflow</c>, <c>parse</c>, <c>extract</c>, <c>predict</c> and <c>evaluate</c>, unless others are.</param>
/// <param name="Id">The caller's id, unique in its organization; of a workflow, the invocation's. Default: made, <c>job_…</c>.</param>
/// <param name="Project">The project that it and its events belong to. Default: none, or the key's own.</param>
/// <param name="Inbox">The inbox that it and its events belong to. Default: none.</param>
/// <param name="WorkflowName">The workflow's name, 1 to 200 characters: the kind <c>workflow</c> must have it.</param>
internal sealed record JobRequest(
    [property: Required, Example("document_predict")] string? Kind,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Job)] string? Id = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Inbox)] string? Inbox = null,
    [property: StringLength(200, MinimumLength = 1), Example("workflow_XXXX")] string? WorkflowName = null);

/// <summary>A move of a job to a state, with what the events of that state say.</summary>
/// <param name="Status">The state to move to. The state that it is in is no move, and changes nothing.</param>
/// <param name="Usage">What was consumed, a JSON object; its events carry it as given.</param>
/// <param name="Error">Why it failed, at most 4,096 characters; its events carry it.</param>
/// <param name="FnStatus">For workflows, a JSON object: function name to <c>success</c> or <c>failure</c>; its events carry it as given.</param>
/// <param name="Result">The provider's own JSON value; its events carry it as given.</param>
internal sealed record JobMove(
    [property: Required, AllowedValues(JobStatus.Pending, JobStatus.Processing, JobStatus.Successful, JobStatus.Failure, JobStatus.Cancelled), Example(JobStatus.Successful)]
    string? Status,
    [property: Example(Examples.Usage)] JsonElement? Usage = null,
    [property: MaxLength(4096), Example("The document could not be read.")] string? Error = null,
    [property: Example("""{"fn_A":"success","fn_B":"failure"}""")] JsonElement? FnStatus = null,
    [property: AnyJson, Example("""{"pages":10}""")] JsonElement? Result = null);

/// <summary>A job as it reads back.</summary>
/// <param name="Id">Its id.</param>
/// <param name="JobId">Its id once more, under the name that polling clients look for.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Status">The state that it is in; <c>successful</c>, <c>failure</c> and <c>cancelled</c> are final.</param>
/// <param name="Project">The project that it and its events belong to, if any.</param>
/// <param name="Inbox">The inbox that it and its events belong to, if any.</param>
/// <param name="WorkflowName">The workflow's name, for the kind <c>workflow</c>.</param>
/// <param name="Usage">What was consumed, if it was said.</param>
/// <param name="Error">Why it failed, if it was said.</param>
/// <param name="FnStatus">How each function of a workflow ended, if it was said.</param>
/// <param name="Result">The provider's own JSON value, if there is one.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="UpdatedAt">When it last changed its state.</param>
/// <param name="FinishedAt">When it reached its end state; null before that.</param>
internal sealed record JobView(
    [property: Example(Examples.Job)] string Id,
    [property: Example(Examples.Job)] string JobId,
    [property: Example("document_predict")] string Kind,
    [property: AllowedValues(JobStatus.Pending, JobStatus.Processing, JobStatus.Successful, JobStatus.Failure, JobStatus.Cancelled), Example(JobStatus.Successful)]
    string Status,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.Inbox)] string? Inbox,
    [property: Example("workflow_XXXX")] string? WorkflowName,
    [property: Example(Examples.Usage)] JsonElement? Usage,
    [property: Example("The document could not be read.")] string? Error,
    [property: Example("""{"fn_A":"success","fn_B":"failure"}""")] JsonElement? FnStatus,
    [property: AnyJson, Example("""{"pages":10}""")] JsonElement? Result,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example(Examples.Later)] DateTimeOffset UpdatedAt,
    [property: Example(Examples.Later)] DateTimeOffset? FinishedAt);
