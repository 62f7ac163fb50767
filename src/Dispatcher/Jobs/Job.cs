// A job: the provider's unit of work, whose state changes are emitted as events.

using System.Text.Json;

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
/// <param name="Kind">One of the configured kinds, such as <c>document_predict</c>.</param>
/// <param name="Id">The caller's id. Default: made, <c>job_…</c>. Unique in its organization.</param>
/// <param name="Project">The project that it and its events belong to.</param>
/// <param name="Inbox">The inbox that it and its events belong to.</param>
/// <param name="WorkflowName">For kind <c>workflow</c>, which must have it.</param>
internal sealed record JobRequest(string? Kind, string? Id, string? Project, string? Inbox, string? WorkflowName);

/// <summary>A move of a job to a state, with what the events of that state say.</summary>
/// <param name="Status"><c>processing</c>, <c>successful</c>, <c>failure</c> or <c>cancelled</c>.</param>
/// <param name="Usage">What was consumed, a JSON object; its events carry it as given.</param>
/// <param name="Error">Why it failed, at most 4,096 characters.</param>
/// <param name="FnStatus">For workflows, a JSON object: function name to <c>success</c> or <c>failure</c>.</param>
/// <param name="Result">The provider's own JSON value.</param>
internal sealed record JobMove(string? Status, JsonElement? Usage, string? Error, JsonElement? FnStatus, JsonElement? Result);

/// <summary>A job as it reads back.</summary>
internal sealed record JobView(
    string Id,
    string JobId,
    string Kind,
    string Status,
    string? Project,
    string? Inbox,
    string? WorkflowName,
    JsonElement? Usage,
    string? Error,
    JsonElement? FnStatus,
    JsonElement? Result,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt,
    DateTimeOffset? FinishedAt);
