// What a job's state emits, and with which payload.

using System.Text.Json;
using Dispatcher.Platform;

namespace Dispatcher.Jobs;

internal sealed class JobKinds(DispatcherOptions options)
{
    private readonly JobOptions _options = options.Jobs;

    public IEnumerable<string> Names => _options.Kinds.Keys;

    public bool IsKnown(string kind) => _options.Kinds.ContainsKey(kind);

    public bool RequiresWorkflowName(string kind) => _options.Kinds[kind].Payload == JobKindOptions.WorkflowPayload;

    /// <summary>The event types that a kind emits on reaching a state, each once: those of any kind first.</summary>
    public IEnumerable<string> TypesFor(string kind, string status) =>
        TypesIn(_options.Any, status).Union(_options.Kinds.TryGetValue(kind, out var own) ? TypesIn(own.Emits, status) : [], StringComparer.Ordinal);

    /// <summary>Every type of the table with a state and a kind that emit it.</summary>
    public IEnumerable<(string Type, string Kind, string Status)> All() =>
        from kind in _options.Kinds.Keys
        from status in JobStatus.All
        from type in TypesFor(kind, status)
        select (type, kind, status);

    /// <summary>Whether jobs of any kind emit a type on reaching a state.</summary>
    public bool IsOfAnyKind(string type, string status) => TypesIn(_options.Any, status).Contains(type, StringComparer.Ordinal);

    /// <summary>Whether a type's payload is that of a workflow, and not that of a job.</summary>
    public bool IsWorkflow(string type) => All().Any(t => t.Type == type && HasWorkflowPayload(t.Kind, t.Status, type));

    /// <summary>The payload of one of a job's events, in the form that the sources document.</summary>
    public byte[] PayloadOf(Job job, string type)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            if (HasWorkflowPayload(job.Kind, job.Status, type)) WriteWorkflow(writer, job);
            else WriteJob(writer, job);
            if (job.Project is not null) writer.WriteString("project", job.Project);
            if (job.Inbox is not null) writer.WriteString("inbox", job.Inbox);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    // A job may outlive its kind in the configuration.
    private bool HasWorkflowPayload(string kind, string status, string type) =>
        IsKnown(kind) && RequiresWorkflowName(kind) && !IsOfAnyKind(type, status);

    private static void WriteWorkflow(Utf8JsonWriter writer, Job job)
    {
        writer.WriteString("workflow_name", job.WorkflowName);
        writer.WriteString("invocation_id", job.Id);
        WriteRaw(writer, "fn_status", job.FnStatus ?? "{}");
    }

    private static void WriteJob(Utf8JsonWriter writer, Job job)
    {
        writer.WriteString("job_id", job.Id);
        writer.WriteString("status", job.Status);
        if (job.Error is not null) writer.WriteString("error", job.Error);
        writer.WriteString("created_at", Rfc3339Converter.ToText(job.CreatedAt));
        if (job.FinishedAt is { } finished) writer.WriteString("finished_at", Rfc3339Converter.ToText(finished));
        WriteRaw(writer, "usage", job.Usage);
        WriteRaw(writer, "result", job.Result);
    }

    private static void WriteRaw(Utf8JsonWriter writer, string name, string? json)
    {
        if (json is null) return;
        writer.WritePropertyName(name);
        writer.WriteRawValue(json);
    }

    private static IEnumerable<string> TypesIn(Dictionary<string, string[]> emits, string status) =>
        (emits.GetValueOrDefault(status) ?? []).Where(type => type.Length > 0);
}
