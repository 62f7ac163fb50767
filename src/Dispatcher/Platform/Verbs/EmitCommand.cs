// The verb `emit`: publishes one event from the command line.

using System.CommandLine;
using System.Text.Json.Serialization;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <summary>
/// <c>emit --type job.completed --payload '{…}'</c> publishes an event; <c>emit job …</c> (<see cref="EmitJobCommand"/>) moves a job.
/// The answer goes to standard output as one line of JSON; what goes wrong is told on standard error, with exit code 1.
/// </summary>
internal static class EmitCommand
{
    public static Command Create() => Create(Environment.GetEnvironmentVariable, Console.OpenStandardInput);

    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="standardInput">Opens the stream that <c>-</c> stands for.</param>
    public static Command Create(Func<string, string?> environment, Func<Stream> standardInput)
    {
        var connection = new EmitConnection(environment);
        var type = new Option<string>("--type", "-t") { Description = "The event type, such as job.completed.", Required = true };
        var payload = new Option<string?>("--payload", "-d") { Description = "The payload, as JSON." };
        var file = new Option<string?>("--file", "-f") { Description = "The file that holds the payload; - is standard input." };
        var stdin = new Argument<string?>("-") { Description = "Read the payload from standard input.", Arity = ArgumentArity.ZeroOrOne };
        stdin.AcceptOnlyFromAmong("-");
        var id = new Option<string?>("--id") { Description = "The dedupe id: the server takes an id once." };
        var project = new Option<string?>("--project") { Description = "The project that the event belongs to." };
        var inbox = new Option<string?>("--inbox") { Description = "The inbox that the event belongs to." };
        var orderingKey = new Option<string?>("--ordering-key") { Description = "Events of one key keep their order, where asked for." };

        var command = new Command("emit", "Publish an event.") { type, payload, file, stdin, id, project, inbox, orderingKey };
        connection.AddTo(command);
        command.Add(EmitJobCommand.Create(connection));
        command.SetAction((parse, cancellationToken) => connection.AskAsync(
            parse,
            async client =>
            {
                var source = new PayloadSource(parse.GetValue(payload), parse.GetValue(stdin) ?? parse.GetValue(file), standardInput);
                var message = new EventMessage(parse.GetRequiredValue(type), await source.ReadAsync(cancellationToken))
                {
                    Id = parse.GetValue(id),
                    Project = parse.GetValue(project),
                    Inbox = parse.GetValue(inbox),
                    OrderingKey = parse.GetValue(orderingKey),
                };
                return await client.PublishAsync(message, cancellationToken);
            },
            EmitJson.Default.EventReceipt));
        return command;
    }
}

/// <summary>Where the payload comes from: the command line, a file or standard input.</summary>
internal sealed record PayloadSource(string? Text, string? File, Func<Stream> StandardInput)
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <exception cref="EmitException">There is no source or more than one, it cannot be read, or it holds no JSON.</exception>
    public async Task<JsonPayload> ReadAsync(CancellationToken cancellationToken)
    {
        if (Text is null == File is null)
            throw new EmitException("Give the payload once: with --payload, with --file, or as - for standard input.");

        try
        {
            return Text is not null ? JsonPayload.FromText(Text) : JsonPayload.FromUtf8(await ReadFileAsync(File!, cancellationToken));
        }
        catch (ArgumentException e)
        {
            throw new EmitException($"The payload is not JSON: {e.InnerException?.Message ?? e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EmitException($"Cannot read the payload: {e.Message}");
        }
    }

    private async Task<ReadOnlyMemory<byte>> ReadFileAsync(string file, CancellationToken cancellationToken)
    {
        await using var stream = file == "-" ? StandardInput() : new FileStream(file, FileMode.Open, FileAccess.Read);
        using var buffer = new MemoryStream();
        await stream.CopyToAsync(buffer, cancellationToken);
        var bytes = buffer.ToArray();
        return bytes.AsSpan().StartsWith(ByteOrderMark) ? bytes.AsMemory(ByteOrderMark.Length) : bytes;
    }
}

/// <summary>The answers as `emit` prints them: the server's own member names.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventReceipt))]
[JsonSerializable(typeof(Job))]
internal sealed partial class EmitJson : JsonSerializerContext;
