// What goes to /jobs and comes back: the job-state emitter's nouns.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Client;

/// <summary>
/// A job's state: <c>pending -> processing -> successful | failure | cancelled</c>, where <c>pending</c> may go straight to an end state.
/// An end state is final.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<JobStatus>))]
public enum JobStatus
{
    /// <summary>Created, not begun.</summary>
    [JsonStringEnumMemberName("pending")]
    Pending,

    /// <summary>Begun.</summary>
    [JsonStringEnumMemberName("processing")]
    Processing,

    /// <summary>Ended well.</summary>
    [JsonStringEnumMemberName("successful")]
    Successful,

    /// <summary>Ended badly; <see cref="JobUpdate.Error"/> says how.</summary>
    [JsonStringEnumMemberName("failure")]
    Failure,

    /// <summary>Ended by request.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>A job to create. It starts as <see cref="JobStatus.Pending"/>.</summary>
/// <param name="Kind">Such as <c>document_predict</c>; the kind decides which event types its states emit.</param>
public sealed record JobStart(string Kind)
{
    /// <summary>
    /// The caller's own id; <c>null</c>: the server makes one (<c>job_…</c>). For kind <c>workflow</c> it is the invocation's id.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>The project that it belongs to; <c>null</c>: the key's own, else the organization's <c>default</c>.</summary>
    public string? Project { get; init; }

    /// <summary>The inbox of that project, if any.</summary>
    public string? Inbox { get; init; }

    /// <summary>For kind <c>workflow</c>: the workflow's name.</summary>
    public string? WorkflowName { get; init; }
}

/// <summary>A move of a job to another state, with what the state's events tell.</summary>
/// <param name="Status">
/// The state to move to. The same state again is no error and emits nothing; a move that is not allowed is a 409.
/// </param>
public sealed record JobUpdate(JobStatus Status)
{
    /// <summary>What went wrong, for <see cref="JobStatus.Failure"/>.</summary>
    public string? Error { get; init; }

    /// <summary>What the job used up: a <see cref="JobUsage"/>, or any JSON object of the provider's own.</summary>
    public JsonPayload? Usage { get; init; }

    /// <summary>For kind <c>workflow</c>: each function's outcome.</summary>
    public IReadOnlyDictionary<string, string>? FnStatus { get; init; }

    /// <summary>The job's result, as receivers get it.</summary>
    public JsonPayload? Result { get; init; }
}

/// <summary>What a document job used up. Assign it to <see cref="JobUpdate.Usage"/>.</summary>
public sealed record JobUsage
{
    /// <summary>Pages read.</summary>
    public long PagesParsed { get; init; }

    /// <summary>Tokens into the extraction model.</summary>
    public long ExtractionInputTokensUsed { get; init; }

    /// <summary>Tokens out of the extraction model.</summary>
    public long ExtractionOutputTokensUsed { get; init; }

    /// <summary>Tokens into the OCR model.</summary>
    public long OcrInputTokensUsed { get; init; }

    /// <summary>Tokens out of the OCR model.</summary>
    public long OcrOutputTokensUsed { get; init; }

    /// <summary>Pages on which a signature was found.</summary>
    public long SignatureDetectedPages { get; init; }

    /// <summary>Pages on which struck-out text was found.</summary>
    public long StrikethroughDetectedPages { get; init; }

    /// <summary>Tokens into the summarization model.</summary>
    public long SummarizationInputTokensUsed { get; init; }

    /// <summary>Tokens out of the summarization model.</summary>
    public long SummarizationOutputTokensUsed { get; init; }

    /// <summary>The usage as it goes on the wire, all nine members.</summary>
    public JsonPayload ToPayload() => JsonPayload.From(this, DispatcherJson.Default.JobUsage);

    /// <summary>The same as <see cref="ToPayload"/>.</summary>
    public static implicit operator JsonPayload(JobUsage usage)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return usage.ToPayload();
    }
}

/// <summary>A job as the server holds it.</summary>
/// <param name="Id">The caller's id, or the <c>job_…</c> that the server made.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Status">Its state now.</param>
public sealed record Job(string Id, string Kind, JobStatus Status)
{
    /// <summary>The project that it belongs to.</summary>
    public string? Project { get; init; }

    /// <summary>The inbox that it belongs to, if any.</summary>
    public string? Inbox { get; init; }

    /// <summary>For kind <c>workflow</c>: the workflow's name.</summary>
    public string? WorkflowName { get; init; }

    /// <summary>When it was created.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it reached its end state; <c>null</c> before.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>What went wrong, for a failed job.</summary>
    public string? Error { get; init; }

    /// <summary>What it used up.</summary>
    public JsonElement? Usage { get; init; }

    /// <summary>For kind <c>workflow</c>: each function's outcome.</summary>
    public IReadOnlyDictionary<string, string>? FnStatus { get; init; }

    /// <summary>Its result.</summary>
    public JsonElement? Result { get; init; }
}
