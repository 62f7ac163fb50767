// serve, the default verb: runs the server until it is asked to stop.

using System.CommandLine;
using Dispatcher.Access;
using Dispatcher.Storage;
using Dispatcher.Storage.Embedded;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Platform.Verbs;

internal static class ServeCommand
{
    public static Command Create(string[] args)
    {
        var command = new Command("serve", "Run the server (the default)") { TreatUnmatchedTokensAsErrors = false };
        command.SetAction((_, ct) => RunAsync(args, ct));
        return command;
    }

    public static Task<int> RunAsync(string[] args, CancellationToken ct) => Verb.GuardAsync(async () =>
    {
        await using var server = await Server.BuildAsync(args, null, ct);
        await server.StartAsync(ct);
        await WelcomeAsync(server.App, ct);
        await server.App.WaitForShutdownAsync(ct);
    });

    /// <summary>Says where the server is and what to do first. Written to the terminal, not to the log: it may show the key, this once.</summary>
    private static async Task WelcomeAsync(WebApplication app, CancellationToken ct)
    {
        var options = app.Services.GetRequiredService<DispatcherOptions>();
        var address = app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()
            .Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal);
        var made = options.OperatorKey is null ? await app.Services.GetRequiredService<FirstKey>().EnsureAsync(ct) : null;
        var key = made ?? "$DISPATCHER_KEY";
        var text =
            $$"""

            Dispatcher {{ServerVersion.Text}} is running at {{address}}
              {{address}}/dashboard   what happens, for operators: sign in with the operator key
              {{address}}/docs        the API
            {{(made is null
                ? "The operator key is the one of your configuration or of the first start; put it into $DISPATCHER_KEY."
                : $"Operator key, shown this once:  {made}")}}

            Register an integration (the answer holds its signing secret):
              curl -X POST {{address}}/integrations -H "Authorization: Bearer {{key}}" -H "Content-Type: application/json" \
                -d '{"type":"webhook","events":["document_predict","job.*"],"target":"http://127.0.0.1:9000/hook"}'

            Emit a job, and finish it:
              curl -X POST {{address}}/jobs -H "Authorization: Bearer {{key}}" -H "Content-Type: application/json" -d '{"kind":"document_predict","id":"parse_1"}'
              curl -X PATCH {{address}}/jobs/parse_1 -H "Authorization: Bearer {{key}}" -H "Content-Type: application/json" -d '{"status":"successful"}'

            """;
        await Console.Out.WriteLineAsync(text.AsMemory(), ct);
    }
}

internal static class Verb
{
    /// <summary>Runs a verb; what stops it from working is said in words on the error stream, with exit code 1.</summary>
    public static async Task<int> GuardAsync(Func<Task> run)
    {
        try
        {
            await run();
            return 0;
        }
        catch (Exception e) when (e is ConfigurationException or DatabaseSetupException or EmbeddedPostgresException or IOException)
        {
            await Console.Error.WriteLineAsync($"Dispatcher cannot start: {e.Message}");
            return 1;
        }
    }
}
