// The verb `emit job`: creates a job, moves one, or both, and the server emits what its states emit.

using System.CommandLine;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <summary>
/// With <c>--kind</c> a job is created, and moved on if <c>--status</c> is there; without, the job <c>--id</c> is moved to <c>--status</c>.
/// </summary>
internal static class EmitJobCommand
{
    public static Command Create(EmitConnection connection)
    {
        var kind = new Option<string?>("--kind", "-k") { Description = "Create a job of this kind, such as document_predict." };
        var id = new Option<string?>("--id") { Description = "The job's id; for a new job the server makes one if none is given." };
        var status = new Option<string?>("--status") { Description = "Move the job to this state." };
        status.AcceptOnlyFromAmong("pending", "processing", "successful", "failure", "cancelled");
        var project = new Option<string?>("--project") { Description = "The project of a new job." };
        var inbox = new Option<string?>("--inbox") { Description = "The inbox of a new job." };
        var workflowName = new Option<string?>("--workflow-name") { Description = "For kind workflow: the workflow's name." };
        var error = new Option<string?>("--error") { Description = "What went wrong, for status failure." };

        var command = new Command("job", "Create a job or move it to another state.")
        {
            kind, id, status, project, inbox, workflowName, error,
        };
        command.SetAction((parse, cancellationToken) => connection.AskAsync(
            parse,
            client =>
            {
                var start = parse.GetValue(kind) is not { } newKind ? null : new JobStart(newKind)
                {
                    Id = parse.GetValue(id),
                    Project = parse.GetValue(project),
                    Inbox = parse.GetValue(inbox),
                    WorkflowName = parse.GetValue(workflowName),
                };
                var update = parse.GetValue(status) is not { } newStatus ? null
                    : new JobUpdate(Enum.Parse<JobStatus>(newStatus, ignoreCase: true)) { Error = parse.GetValue(error) };
                return CreateAndMoveAsync(client, start, parse.GetValue(id), update, cancellationToken);
            },
            EmitJson.Default.Job));
        return command;
    }

    private static async Task<Job> CreateAndMoveAsync(
        DispatcherClient client, JobStart? start, string? id, JobUpdate? update, CancellationToken cancellationToken)
    {
        if (start is null)
        {
            return id is not null && update is not null
                ? await client.UpdateJobAsync(id, update, cancellationToken)
                : throw new EmitException("Give --kind to create a job, or --id and --status to move one.");
        }

        var job = await client.CreateJobAsync(start, cancellationToken);
        if (update is null)
            return job;

        try
        {
            return await client.UpdateJobAsync(job.Id, update, cancellationToken);
        }
        catch (Exception e) when (e is DispatcherApiException or HttpRequestException)
        {
            throw new EmitException($"The job {job.Id} was created, but not moved. {EmitConnection.Explain(e)}");
        }
    }
}
