// The table of job kinds: which event types each state of each kind emits. It is data: appsettings.json holds the table of the
// three sources, and a provider adds kinds or renames types there or in the environment.

using Dispatcher.Events;

namespace Dispatcher.Jobs;

/// <summary>Section <c>Dispatcher:Jobs</c>.</summary>
internal sealed class JobOptions
{
    /// <summary>What jobs of any kind emit: state to event types. An empty type stands for none: so the environment takes one of the table away.</summary>
    public Dictionary<string, string[]> Any { get; set; } = [];

    /// <summary>The kinds that jobs may have.</summary>
    public Dictionary<string, JobKindOptions> Kinds { get; set; } = [];

    public IEnumerable<string> Faults()
    {
        foreach (var fault in Check("Dispatcher:Jobs:Any", Any)) yield return fault;
        foreach (var (kind, options) in Kinds)
        {
            foreach (var fault in Check($"Dispatcher:Jobs:Kinds:{kind}:Emits", options.Emits)) yield return fault;
            if (options.Payload is not (JobKindOptions.JobPayload or JobKindOptions.WorkflowPayload))
                yield return $"Dispatcher:Jobs:Kinds:{kind}:Payload must be \"job\" or \"workflow\".";
        }
    }

    private static IEnumerable<string> Check(string key, Dictionary<string, string[]> emits)
    {
        foreach (var (status, types) in emits)
        {
            if (!JobStatus.IsKnown(status)) yield return $"{key}:{status} is not a state; states are {string.Join(", ", JobStatus.All)}.";
            foreach (var type in types)
                if (type.Length > 0 && !EventNames.IsType(type)) yield return $"{key}:{status} holds \"{type}\"; an event type {EventNames.Rule}.";
        }
    }
}

/// <summary>One kind of job.</summary>
internal sealed class JobKindOptions
{
    public const string JobPayload = "job";
    public const string WorkflowPayload = "workflow";

    /// <summary>What it is, for people.</summary>
    public string? Description { get; set; }

    /// <summary>What it emits besides what any kind emits: state to event types.</summary>
    public Dictionary<string, string[]> Emits { get; set; } = [];

    /// <summary>
    /// The form of the payloads of what it <see cref="Emits"/>: <c>job</c> (default), or <c>workflow</c>, whose jobs must have a
    /// <c>workflow_name</c>.
    /// </summary>
    public string Payload { get; set; } = JobPayload;
}
