// Applies changes to jobs. A transition and the events that it emits are one transaction: never one without the other.

using Dispatcher.Dispatching;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Dispatcher.Jobs;

/// <summary>A checked change: a job to create, or a move of one.</summary>
internal sealed record JobChange(string JobId, Job? New, JobMove? Move);

/// <summary>The job as it is after the change, or why the change was refused.</summary>
internal readonly record struct JobOutcome(Job? Job, Problem? Error)
{
    /// <summary>The state that this change led to; later changes of the same batch move the job on.</summary>
    public string? Status { get; } = Job?.Status;
}

internal sealed class JobStore(DispatcherDb db, JobKinds kinds, EventIntake intake, LaneSet lanes, TimeProvider time)
{
    /// <summary>Applies changes in their order, in one transaction; a refused one does not sink the others.</summary>
    /// <param name="organization">The jobs' organization.</param>
    /// <param name="project">The project that the caller is bound to, if any: other projects' jobs do not exist for it.</param>
    /// <param name="changes">The changes.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<JobOutcome[]> ApplyAsync(string organization, string? project, IReadOnlyList<JobChange> changes, CancellationToken ct)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // Of two creations of one id the first is the job: only it may reach the insert, which keeps no order of its own.
        var created = await InsertAsync([.. changes.Where(c => c.New is not null).Select(c => c.New!).DistinctBy(j => j.Id, StringComparer.Ordinal)], ct);
        var jobs = await LockAsync(organization, changes, ct);

        var outcomes = new JobOutcome[changes.Count];
        var events = new List<NewEvent>();
        for (var i = 0; i < outcomes.Length; i++)
        {
            var change = changes[i];
            if (change.New is { } job)
            {
                // Removed, so that a second creation in the batch is a conflict and what still is in the set is yet to come.
                outcomes[i] = created.Remove(job.Id)
                    ? Emit(job, events)
                    : new JobOutcome(null, Problem.Conflict($"The job \"{job.Id}\" exists."));
            }
            else
            {
                var known = jobs.GetValueOrDefault(change.JobId);
                outcomes[i] = known is null || created.Contains(known.Id) || (project is not null && project != (known.Project ?? Access.Tenant.Default))
                    ? new JobOutcome(null, Problem.NotFound($"There is no job \"{change.JobId}\"."))
                    : Move(known, change.Move!, events);
            }
        }

        await db.SaveChangesAsync(ct);
        await CommitAsync(transaction, events, ct);
        return outcomes;
    }

    private async Task CommitAsync(IDbContextTransaction transaction, List<NewEvent> events, CancellationToken ct)
    {
        using var holding = lanes.Hold();
        if (events.Count == 0)
        {
            await transaction.CommitAsync(ct);
            return;
        }

        var connection = (NpgsqlConnection)db.Database.GetDbConnection();
        var batch = await EventIntake.AcceptWithinAsync(events, holding, connection, (NpgsqlTransaction)transaction.GetDbTransaction(), ct);
        await intake.CommitAsync(transaction.CommitAsync, batch, holding);
    }

    private JobOutcome Move(Job job, JobMove move, List<NewEvent> events)
    {
        if (job.Status == move.Status) return new JobOutcome(job, null);
        if (!JobStatus.MayMove(job.Status, move.Status!))
        {
            return new JobOutcome(null, Problem.Conflict(
                $"The job \"{job.Id}\" is {job.Status}{(JobStatus.IsEnd(job.Status) ? ", which is final" : "")}; it cannot become {move.Status}."));
        }

        job.Status = move.Status!;
        job.UpdatedAt = time.GetUtcNow();
        if (JobStatus.IsEnd(job.Status)) job.FinishedAt = job.UpdatedAt;
        job.Usage = move.Usage?.GetRawText() ?? job.Usage;
        job.Error = move.Error ?? job.Error;
        job.FnStatus = move.FnStatus?.GetRawText() ?? job.FnStatus;
        job.Result = move.Result?.GetRawText() ?? job.Result;
        return Emit(job, events);
    }

    private JobOutcome Emit(Job job, List<NewEvent> events)
    {
        foreach (var type in kinds.TypesFor(job.Kind, job.Status))
        {
            events.Add(new NewEvent(
                Ids.NewUuid(time.GetUtcNow()), new EventRoute(job.OrganizationId, job.Project, job.Inbox, type), kinds.PayloadOf(job, type), OrderingKey: job.Id));
        }

        return new JobOutcome(job, null);
    }

    /// <summary>Inserts what does not exist yet; returns the ids that were inserted.</summary>
    private async Task<HashSet<string>> InsertAsync(Job[] jobs, CancellationToken ct)
    {
        if (jobs.Length == 0) return [];
        var ids = await db.Database.SqlQuery<string>(
            $"""
            INSERT INTO dispatcher.job (organization_id, id, kind, status, project, inbox, workflow_name, created_at, updated_at)
            SELECT * FROM unnest(
                {Array.ConvertAll(jobs, j => j.OrganizationId)}, {Array.ConvertAll(jobs, j => j.Id)}, {Array.ConvertAll(jobs, j => j.Kind)},
                {Array.ConvertAll(jobs, j => j.Status)}, {Array.ConvertAll(jobs, j => j.Project)}, {Array.ConvertAll(jobs, j => j.Inbox)},
                {Array.ConvertAll(jobs, j => j.WorkflowName)}, {Array.ConvertAll(jobs, j => j.CreatedAt)}, {Array.ConvertAll(jobs, j => j.UpdatedAt)})
            ORDER BY 1, 2
            ON CONFLICT DO NOTHING
            RETURNING id
            """).ToListAsync(ct);
        return [.. ids];
    }

    /// <summary>Locks the jobs that are to move, in one order everywhere, so that concurrent batches wait instead of deadlocking.</summary>
    private async Task<Dictionary<string, Job>> LockAsync(string organization, IReadOnlyList<JobChange> changes, CancellationToken ct)
    {
        var ids = changes.Where(c => c.Move is not null).Select(c => c.JobId).Distinct(StringComparer.Ordinal).ToArray();
        if (ids.Length == 0) return [];
        return await db.Jobs
            .FromSql($"SELECT * FROM dispatcher.job WHERE organization_id = {organization} AND id = ANY ({ids}) ORDER BY id FOR UPDATE")
            .ToDictionaryAsync(j => j.Id, StringComparer.Ordinal, ct);
    }
}
