// The verb `listen`: a local receiver to point an integration at while developing.

using System.CommandLine;
using System.Globalization;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <summary>
/// Receives webhooks on 127.0.0.1, prints and verifies them, until Ctrl+C or until <c>--count</c> have come. Webhooks go to standard
/// output, all else to standard error where <c>--json</c> asks for lines that a program reads.
/// </summary>
internal static class ListenCommand
{
    private const int DefaultPort = 9000;

    public static Command Create()
    {
        var port = new Option<int>("--port", "-p")
        {
            Description = "The port on 127.0.0.1; 0 takes any free one.",
            DefaultValueFactory = _ => DefaultPort,
        };
        var secret = new Option<string[]>("--secret", "-s")
        {
            Description = "The integration's whsec_… secret, or whpk_… public key; repeat it during a rotation. Without one, signatures are not checked.",
            HelpName = "whsec_…",
            AllowMultipleArgumentsPerToken = false,
        };
        var status = new Option<int>("--status") { Description = "The status to answer with.", DefaultValueFactory = _ => 200 };
        var path = new Option<string?>("--path") { Description = "The only path to answer on, such as /hook. Default: every path." };
        var count = new Option<int?>("--count", "-n") { Description = "Stop after so many webhooks." };
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line." };
        RequireRange(port, 0, 65_535);
        RequireRange(status, 200, 599);
        count.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, CultureInfo.InvariantCulture, out var n) && n < 1)
                result.AddError("--count must be at least 1.");
        });
        path.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && !text.StartsWith('/'))
                result.AddError("--path must begin with a slash.");
        });

        var command = new Command("listen", "Receive webhooks locally, print and verify them.") { port, secret, status, path, count, json };
        command.SetAction((parse, cancellationToken) =>
        {
            var output = parse.InvocationConfiguration.Output;
            var error = parse.InvocationConfiguration.Error;
            if (!TryMakeVerifier(parse.GetValue(secret) ?? [], out var verifier))
            {
                error.WriteLine("--secret must be 'whsec_' or 'whpk_' followed by base64; 'whpk_' needs Linux and OpenSSL.");
                return Task.FromResult(1);
            }

            var asJson = parse.GetValue(json);
            var receiver = new WebhookReceiver(
                new WebhookReceiverSettings(
                    parse.GetValue(port), parse.GetValue(status), parse.GetValue(path), parse.GetValue(count), verifier),
                webhook => output.WriteLine(asJson ? webhook.ToJsonLine() : webhook.ToText()),
                asJson ? error : output,
                TimeProvider.System);
            return RunAsync(receiver, error, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(WebhookReceiver receiver, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            await receiver.RunAsync(cancellationToken);
            return 0;
        }
        catch (IOException e)
        {
            await error.WriteLineAsync($"Cannot listen: {e.Message} Choose another port with --port.");
            return 1;
        }
    }

    private static bool TryMakeVerifier(string[] secrets, out WebhookVerifier? verifier)
    {
        try
        {
            verifier = secrets.Length == 0 ? null : new WebhookVerifier(secrets);
            return true;
        }
        catch (Exception e) when (e is ArgumentException or PlatformNotSupportedException)
        {
            verifier = null;
            return false;
        }
    }

    /// <summary>Text that is no number is left to the parser, which refuses it in its own words.</summary>
    private static void RequireRange(Option<int> option, int least, int most) => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }]
            && int.TryParse(text, CultureInfo.InvariantCulture, out var n)
            && (n < least || n > most))
            result.AddError($"{option.Name} must be {least} to {most}.");
    });
}
