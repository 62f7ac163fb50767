// What `emit` and `emit job` share: the server, the key, and how an answer or a failure is told.

using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <summary>The options <c>--url</c> and <c>--key</c>, and the one way to ask the server and to tell what came of it.</summary>
internal sealed class EmitConnection(Func<string, string?> environment)
{
    private const string KeyVariable = "DISPATCHER_KEY";

    private readonly Option<string> _url = new("--url", "-u")
    {
        Description = "The server's address.",
        DefaultValueFactory = _ => "http://localhost:8080",
        Recursive = true,
    };

    private readonly Option<string?> _key = new("--key")
    {
        Description = $"An API key. Default: the environment variable {KeyVariable}, which other users of this machine cannot see.",
        Recursive = true,
    };

    public void AddTo(Command command)
    {
        command.Add(_url);
        command.Add(_key);
    }

    /// <summary>Asks, prints the answer as one line of JSON, and gives the exit code.</summary>
    public async Task<int> AskAsync<T>(ParseResult parse, Func<DispatcherClient, Task<T>> ask, JsonTypeInfo<T> answerType)
    {
        var streams = parse.InvocationConfiguration;
        try
        {
            using var client = Connect(parse);
            await streams.Output.WriteLineAsync(JsonSerializer.Serialize(await ask(client), answerType));
            return 0;
        }
        catch (Exception e) when (e is EmitException or DispatcherApiException or HttpRequestException)
        {
            await streams.Error.WriteLineAsync(Explain(e));
            return 1;
        }
    }

    /// <summary>A failure in plain words.</summary>
    public static string Explain(Exception failure) => failure switch
    {
        DispatcherApiException refusal => Explain(refusal),
        HttpRequestException => $"The server cannot be reached: {failure.Message}",
        _ => failure.Message,
    };

    private static string Explain(DispatcherApiException refusal)
    {
        // A success that could not be read is an exception too, but no refusal.
        var text = new StringBuilder(refusal.Status < 300
            ? $"{refusal.Title} (status {refusal.Status})"
            : $"The server refused ({refusal.Status} {refusal.Title})");
        if (refusal.Detail is not null)
            text.Append(": ").Append(refusal.Detail);
        foreach (var (member, messages) in refusal.Errors)
            text.AppendLine().Append("  ").Append(member).Append(": ").AppendJoin("; ", messages);
        return text.ToString();
    }

    private DispatcherClient Connect(ParseResult parse)
    {
        var url = parse.GetRequiredValue(_url);
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new EmitException($"--url must be an http or https URL, not '{url}'.");
        var key = parse.GetValue(_key) ?? environment(KeyVariable);
        if (string.IsNullOrWhiteSpace(key))
            throw new EmitException($"No API key: give --key or set {KeyVariable}.");
        return new DispatcherClient(new DispatcherClientOptions { BaseAddress = address, ApiKey = key.Trim() });
    }
}

/// <summary>The command line asks for what cannot be done; the message is for its writer.</summary>
internal sealed class EmitException(string message) : Exception(message);
