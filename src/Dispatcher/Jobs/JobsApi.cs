// /jobs and /job: the job-state emitter.

using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dispatcher.Access;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Jobs;

/// <summary>An item of a batch: a creation, which has <c>kind</c>, or a move, which has <c>id</c> and <c>status</c>.</summary>
/// <param name="Kind">Of a creation: one of the configured kinds.</param>
/// <param name="Id">The job's id. A move must have it; a creation without it is given one.</param>
/// <param name="Project">Of a creation: the project that it and its events belong to.</param>
/// <param name="Inbox">Of a creation: the inbox that it and its events belong to.</param>
/// <param name="WorkflowName">Of a creation: the workflow's name, which the kind <c>workflow</c> must have.</param>
/// <param name="Status">Of a move: the state to move to.</param>
/// <param name="Usage">Of a move: what was consumed, a JSON object.</param>
/// <param name="Error">Of a move: why it failed, at most 4,096 characters.</param>
/// <param name="FnStatus">Of a move: how each function of a workflow ended, a JSON object.</param>
/// <param name="Result">Of a move: the provider's own JSON value.</param>
internal sealed record JobBatchRequest(
    [property: Example("document_predict")] string? Kind = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Job)] string? Id = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Inbox)] string? Inbox = null,
    [property: StringLength(200, MinimumLength = 1), Example("workflow_XXXX")] string? WorkflowName = null,
    [property: AllowedValues(JobStatus.Pending, JobStatus.Processing, JobStatus.Successful, JobStatus.Failure, JobStatus.Cancelled), Example(JobStatus.Successful)]
    string? Status = null,
    [property: Example(Examples.Usage)] JsonElement? Usage = null,
    [property: MaxLength(4096), Example("The document could not be read.")] string? Error = null,
    [property: Example("""{"fn_A":"success","fn_B":"failure"}""")] JsonElement? FnStatus = null,
    [property: AnyJson, Example("""{"pages":10}""")] JsonElement? Result = null);

/// <summary>The answers to a batch.</summary>
/// <param name="Data">One for each item, in the batch's order.</param>
internal sealed record JobBatchAnswer(
    [property: Example(
        """
        [{"id":"parse_XXX","status":"pending"},
         {"error":{"title":"Not found","status":404,"detail":"There is no job \"parse_YYY\"."}}]
        """)]
    IReadOnlyList<JobBatchItem> Data);

/// <summary>Either the job and the state that this change led to, or why the change was refused.</summary>
/// <param name="Id">The job's id; absent where the change was refused.</param>
/// <param name="Status">The state that this change led to; absent where it was refused.</param>
/// <param name="Error">Why the change was refused; absent where it was made.</param>
internal sealed record JobBatchItem(
    [property: Example(Examples.Job)]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Id,
    [property: AllowedValues(JobStatus.Pending, JobStatus.Processing, JobStatus.Successful, JobStatus.Failure, JobStatus.Cancelled), Example(JobStatus.Pending)]
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    string? Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Problem? Error);

internal static class JobsApi
{
    private const int MaxBatch = 1000;
    private const int MaxBatchBytes = 16 * 1024 * 1024;

    public static void MapJobs(this IEndpointRouteBuilder app)
    {
        var move = app.MapGroup("/jobs").WithTags("Jobs").WithMetadata(Admits.Emitters);
        move.MapPost("/", Create).Describe(JobsReference.Create);
        move.MapPatch("/{id}", Patch).Describe(JobsReference.Move);
        move.MapPost("/batch", Batch).Describe(JobsReference.Batch).Accepts<JobBatchRequest[]>(OpenApi.Json, OpenApi.AnyContentType)
            .WithMetadata(new BodyLimit(MaxBatchBytes));

        var read = app.MapGroup("").WithTags("Jobs").WithMetadata(Admits.Readers);
        read.MapGet("/jobs/{id}", Get).Describe(JobsReference.Get);
        read.MapGet("/job/{job_id}", Poll).Describe(JobsReference.Poll);
    }

    private static async Task<Created<JobView>> Create(
        Body<JobRequest> body, Tenant tenant, JobStore store, JobKinds kinds, TimeProvider time, CancellationToken ct)
    {
        body.Check((r, faults) => CheckJob(r, kinds, faults));
        var job = NewJob(body.Value, tenant, time);
        var outcome = (await store.ApplyAsync(tenant.Organization, tenant.Project, [new JobChange(job.Id, job, null)], ct))[0];
        return outcome.Error is null ? TypedResults.Created($"/jobs/{job.Id}", View(outcome.Job!)) : throw outcome.Error.AsException();
    }

    private static async Task<Ok<JobView>> Patch(string id, Body<JobMove> body, Tenant tenant, JobStore store, CancellationToken ct)
    {
        body.Check(CheckMove);
        var change = Identifiers.IsValid(id) ? new JobChange(id, null, body.Value) : throw NotFound(id);
        var outcome = (await store.ApplyAsync(tenant.Organization, tenant.Project, [change], ct))[0];
        return outcome.Error is null ? TypedResults.Ok(View(outcome.Job!)) : throw outcome.Error.AsException();
    }

    private static async Task<Accepted<JobBatchAnswer>> Batch(
        HttpContext context, Tenant tenant, JobStore store, JobKinds kinds, TimeProvider time, CancellationToken ct)
    {
        using var bytes = await RequestBytes.ReadAsync(context, BodyLimit.Of(context));
        JobBatchItem[] items = [];
        var changes = new List<(int Item, JobChange Change)>();
        // An item that is nested too deep is an error in its place.
        if (RequestBody.FindMalformation(bytes.Span, int.MaxValue) is { } malformed) throw malformed.AsException();
        using (var document = JsonDocument.Parse(bytes.Span.ToArray(), new JsonDocumentOptions { MaxDepth = int.MaxValue }))
        {
            if (document.RootElement.ValueKind != JsonValueKind.Array) throw Problem.Malformed("The body must be a JSON array of jobs.").AsException();
            var count = document.RootElement.GetArrayLength();
            if (count is 0 or > MaxBatch) throw Problem.Invalid("body", $"must hold 1 to {MaxBatch} jobs; it holds {count}.").AsException();
            items = new JobBatchItem[count];
            for (var i = 0; i < count; i++)
            {
                try
                {
                    changes.Add((i, Read(document.RootElement[i], tenant, kinds, time)));
                }
                catch (ProblemException e)
                {
                    items[i] = new JobBatchItem(null, null, e.Problem);
                }
            }
        }

        var outcomes = changes.Count == 0 ? [] : await store.ApplyAsync(tenant.Organization, tenant.Project, changes.ConvertAll(c => c.Change), ct);
        for (var i = 0; i < outcomes.Length; i++)
            items[changes[i].Item] = new JobBatchItem(outcomes[i].Job?.Id, outcomes[i].Status, outcomes[i].Error);
        return TypedResults.Accepted((string?)null, new JobBatchAnswer(items));
    }

    private static Task<Ok<JobView>> Get(string id, Tenant tenant, DispatcherDb db, CancellationToken ct) => FindAsync(id, tenant, db, ct);

    private static Task<Ok<JobView>> Poll([Microsoft.AspNetCore.Mvc.FromRoute(Name = "job_id")] string jobId, Tenant tenant, DispatcherDb db, CancellationToken ct) =>
        FindAsync(jobId, tenant, db, ct);

    private static async Task<Ok<JobView>> FindAsync(string id, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var job = Identifiers.IsValid(id)
            ? await db.Jobs.AsNoTracking().SingleOrDefaultAsync(j => j.OrganizationId == tenant.Organization && j.Id == id, ct)
            : null;
        return job is not null && tenant.Sees(job.Project) ? TypedResults.Ok(View(job)) : throw NotFound(id);
    }

    private static JobChange Read(JsonElement item, Tenant tenant, JobKinds kinds, TimeProvider time)
    {
        var (r, faults) = RequestBody.Read<JobBatchRequest>(System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(item));
        if (r.Kind is not null)
        {
            faults.Require(r.Status is null, "status", "cannot be given with kind: an item creates a job or moves one.");
            var request = new JobRequest(r.Kind, r.Id, r.Project, r.Inbox, r.WorkflowName);
            CheckJob(request, kinds, faults);
            faults.ThrowIfAny();
            var job = NewJob(request, tenant, time);
            return new JobChange(job.Id, job, null);
        }

        faults.Require(r.Id is not null, "kind", "is required to create a job; id and status to move one.");
        var move = new JobMove(r.Status, r.Usage, r.Error, r.FnStatus, r.Result);
        if (r.Id is not null) CheckMove(move, faults);
        faults.ThrowIfAny();
        return Identifiers.IsValid(r.Id) ? new JobChange(r.Id!, null, move) : throw NotFound(r.Id!);
    }

    private static void CheckJob(JobRequest request, JobKinds kinds, Faults faults)
    {
        if (request.Kind is null || !kinds.IsKnown(request.Kind))
            faults.Add("kind", $"is required: one of {string.Join(", ", kinds.Names.Order(StringComparer.Ordinal))}.");
        else if (kinds.RequiresWorkflowName(request.Kind) && string.IsNullOrEmpty(request.WorkflowName))
            faults.Add("workflow_name", $"is required for kind \"{request.Kind}\".");
        faults.Require(request.WorkflowName is null or { Length: >= 1 and <= 200 }, "workflow_name", "must have 1 to 200 characters.");
        Identifiers.CheckOptional(faults, "id", request.Id);
        Identifiers.CheckOptional(faults, "project", request.Project);
        Identifiers.CheckOptional(faults, "inbox", request.Inbox);
    }

    private static Job NewJob(JobRequest request, Tenant tenant, TimeProvider time)
    {
        var now = time.GetUtcNow();
        return new Job
        {
            OrganizationId = tenant.Organization,
            Id = request.Id ?? Ids.New(Ids.Job, time),
            Kind = request.Kind!,
            Status = JobStatus.Pending,
            Project = tenant.ProjectFor(request.Project),
            Inbox = request.Inbox,
            WorkflowName = request.WorkflowName,
            CreatedAt = now,
            UpdatedAt = now,
        };
    }

    private static void CheckMove(JobMove move, Faults faults)
    {
        faults.Require(JobStatus.IsKnown(move.Status), "status", $"is required: one of {string.Join(", ", JobStatus.All)}.");
        faults.Require(move.Error is null or { Length: <= 4096 }, "error", "must have at most 4096 characters.");
        faults.Require(move.Usage is null or { ValueKind: JsonValueKind.Object }, "usage", "must be a JSON object.");
        faults.Require(move.FnStatus is null or { ValueKind: JsonValueKind.Object }, "fn_status", "must be a JSON object.");
    }

    private static JobView View(Job j) => new(
        j.Id, j.Id, j.Kind, j.Status, j.Project, j.Inbox, j.WorkflowName, Element(j.Usage), j.Error, Element(j.FnStatus), Element(j.Result),
        j.CreatedAt, j.UpdatedAt, j.FinishedAt);

    private static JsonElement? Element(string? json) => json is null ? null : JsonElement.Parse(json);

    private static ProblemException NotFound(string id) => Problem.NotFound($"There is no job \"{id}\".").AsException();
}
