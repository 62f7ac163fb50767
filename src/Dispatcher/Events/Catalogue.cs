// Seeds the catalogue with every event type that the job table and the server itself emit, each with an example.

using System.Text;
using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Jobs;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Events;

internal sealed class Catalogue(NpgsqlDataSource source, JobKinds kinds)
{
    private static readonly DateTimeOffset ExampleTime = new(2023, 10, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>What the job table and the server emit: type, meaning, and an example payload as JSON.</summary>
    public IEnumerable<(string Type, string Description, string Example)> Seeds() => kinds.All().GroupBy(t => t.Type, StringComparer.Ordinal)
        .Select(t => (t.Key, Description: DescriptionOf([.. t]), Example: Example(t.First().Kind, t.First().Status, t.Key)))
        .Append((SystemEvents.DeliveryExhausted, "A delivery's last attempt failed.",
            """{"delivery_id":"dlv_XXX","event_id":"evt_XXX","event_type":"job.completed","integration_id":"int_XXX","attempts":10,"last_outcome":"server_error","last_status_code":500,"exhausted_at":"2023-10-01T12:17:02.000Z"}"""))
        .Append((SystemEvents.IntegrationDisabled, "An integration was disabled by the server.",
            """{"integration_id":"int_XXX","reason":"gone","disabled_at":"2023-10-01T12:00:00.000Z"}"""));

    /// <summary>Adds what is missing; what an operator has changed stays as it is.</summary>
    public async Task SeedAsync(CancellationToken ct)
    {
        var types = Seeds().ToList();
        await using var command = source.CreateCommand(
            """
            INSERT INTO dispatcher.event_type (name, description, example)
            SELECT t.name, t.description, t.example::json FROM unnest($1, $2, $3) AS t (name, description, example)
            ON CONFLICT DO NOTHING
            """);
        command.Parameters.AddWithValue(types.ConvertAll(t => t.Item1).ToArray());
        command.Parameters.AddWithValue(types.ConvertAll(t => t.Item2).ToArray());
        command.Parameters.AddWithValue(types.ConvertAll(t => t.Item3).ToArray());
        await command.ExecuteNonQueryAsync(ct);
    }

    private string DescriptionOf(List<(string Type, string Kind, string Status)> sources)
    {
        var ofAnyKind = sources.TrueForAll(s => kinds.IsOfAnyKind(s.Type, s.Status));
        return $"A job{(ofAnyKind ? "" : $" of kind {Or(sources.Select(s => s.Kind))}")} is now {Or(sources.Select(s => s.Status))}.";

        static string Or(IEnumerable<string> names) => string.Join(" or ", names.Distinct(StringComparer.Ordinal));
    }

    private string Example(string kind, string status, string type)
    {
        var workflow = kinds.RequiresWorkflowName(kind);
        var end = JobStatus.IsEnd(status);
        return Encoding.UTF8.GetString(kinds.PayloadOf(
            new Job
            {
                OrganizationId = "",
                Id = workflow ? "invocation_XXXX" : "parse_XXX",
                Kind = kind,
                Status = status,
                WorkflowName = workflow ? "workflow_XXXX" : null,
                Error = status == JobStatus.Failure ? "The document could not be read." : null,
                Usage = status == JobStatus.Successful ? Examples.Usage.Trim() : null,
                FnStatus = workflow ? """{"fn_A":"success","fn_B":"failure"}""" : null,
                CreatedAt = ExampleTime,
                UpdatedAt = ExampleTime,
                FinishedAt = end ? ExampleTime.AddMinutes(1) : null,
            },
            type));
    }
}
