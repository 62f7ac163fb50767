// The payloads that receivers get, as the API reference describes them. Jobs and the server write theirs by hand (JobKinds, SystemEvents).

using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Jobs;
using Dispatcher.Platform;

namespace Dispatcher.Events;

/// <summary>What a job's events say of it. Members that there is nothing to say of are absent.</summary>
/// <param name="JobId">The job.</param>
/// <param name="Status">The state that it has reached.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="FinishedAt">When it reached its end state.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Usage">What was consumed, as the provider gave it.</param>
/// <param name="Result">The provider's own JSON value.</param>
/// <param name="Project">The project that it belongs to.</param>
/// <param name="Inbox">The inbox that it belongs to.</param>
internal sealed record JobPayload(
    [property: Example(Examples.Job)] string JobId,
    [property: AllowedValues(JobStatus.Pending, JobStatus.Processing, JobStatus.Successful, JobStatus.Failure, JobStatus.Cancelled), Example(JobStatus.Successful)]
    string Status,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example(Examples.Later)] DateTimeOffset? FinishedAt = null,
    [property: Example("The document could not be read.")] string? Error = null,
    [property: Example(Examples.Usage)] JsonElement? Usage = null,
    [property: AnyJson, Example("""{"pages":10}""")] JsonElement? Result = null,
    [property: Example(Examples.Project)] string? Project = null,
    [property: Example(Examples.Inbox)] string? Inbox = null);

/// <summary>How a workflow's run ended.</summary>
/// <param name="WorkflowName">The workflow.</param>
/// <param name="InvocationId">The run: the job's id.</param>
/// <param name="FnStatus">Function name to how it ended, as the provider gave it.</param>
/// <param name="Project">The project that it belongs to; absent where there is none.</param>
/// <param name="Inbox">The inbox that it belongs to; absent where there is none.</param>
internal sealed record WorkflowPayload(
    [property: Example("workflow_XXXX")] string WorkflowName,
    [property: Example("invocation_XXXX")] string InvocationId,
    [property: Example("""{"fn_A":"success","fn_B":"failure"}""")] JsonElement FnStatus,
    [property: Example(Examples.Project)] string? Project = null,
    [property: Example(Examples.Inbox)] string? Inbox = null);

/// <summary>A delivery that has failed for good, and will not be tried again by itself.</summary>
/// <param name="DeliveryId">The delivery.</param>
/// <param name="EventId">Its event.</param>
/// <param name="EventType">The event's type.</param>
/// <param name="IntegrationId">The integration that it did not reach.</param>
/// <param name="Attempts">How many attempts were made.</param>
/// <param name="LastOutcome">What went wrong with the last one.</param>
/// <param name="ExhaustedAt">When that was.</param>
/// <param name="LastStatusCode">What the receiver answered last; absent where it did not.</param>
internal sealed record DeliveryExhaustedPayload(
    [property: Example(Examples.Delivery)] string DeliveryId,
    [property: Example(Examples.Event)] string EventId,
    [property: Example(Examples.EventType)] string EventType,
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: Example(10)] int Attempts,
    [property: Example("server_error")] string LastOutcome,
    [property: Example("2023-10-01T12:17:02.000Z")] DateTimeOffset ExhaustedAt,
    [property: Example(500)] int? LastStatusCode = null);

/// <summary>An integration that the server has disabled.</summary>
/// <param name="IntegrationId">The integration.</param>
/// <param name="Reason">Why: <c>gone</c>, its receiver answered 410; <c>failing</c>, nothing arrived for days.</param>
/// <param name="DisabledAt">When that was.</param>
internal sealed record IntegrationDisabledPayload(
    [property: Example(Examples.Integration)] string IntegrationId,
    [property: AllowedValues("gone", "failing"), Example("gone")] string Reason,
    [property: Example(Examples.Time)] DateTimeOffset DisabledAt);
