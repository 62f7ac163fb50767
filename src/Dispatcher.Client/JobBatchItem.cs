// One line of POST /jobs/batch: a creation or a move.

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dispatcher.Client;

/// <summary>
/// A job's creation or its move, to go in one batch with others. On the wire a creation has a <c>kind</c>, and a move has an <c>id</c> and
/// a <c>status</c>.
/// </summary>
[JsonConverter(typeof(JobBatchItemConverter))]
public sealed class JobBatchItem
{
    private JobBatchItem(JobStart? start, JobMove? move) => (Start, Move) = (start, move);

    internal JobStart? Start { get; }

    internal JobMove? Move { get; }

    /// <summary>Creates a job.</summary>
    public static JobBatchItem ForCreation(JobStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return new JobBatchItem(start, null);
    }

    /// <summary>Moves the job <paramref name="id"/> to another state.</summary>
    public static JobBatchItem ForMove(string id, JobUpdate update)
    {
        ArgumentException.ThrowIfNullOrEmpty(id);
        ArgumentNullException.ThrowIfNull(update);
        return new JobBatchItem(null, new JobMove(id, update.Status, update.Error, update.Usage, update.FnStatus, update.Result));
    }
}

/// <summary>A <see cref="JobUpdate"/> that names its job, because in a batch no path does.</summary>
internal sealed record JobMove(
    string Id,
    JobStatus Status,
    string? Error,
    JsonPayload? Usage,
    IReadOnlyDictionary<string, string>? FnStatus,
    JsonPayload? Result);

internal sealed class JobBatchItemConverter : JsonConverter<JobBatchItem>
{
    public override JobBatchItem Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Job batches are sent, never read.");

    public override void Write(Utf8JsonWriter writer, JobBatchItem value, JsonSerializerOptions options)
    {
        if (value.Start is not null)
            JsonSerializer.Serialize(writer, value.Start, DispatcherJson.Default.JobStart);
        else
            JsonSerializer.Serialize(writer, value.Move!, DispatcherJson.Default.JobMove);
    }
}
