// The verification code of one language at work: an endpoint on a free loopback port.

using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

internal sealed partial class SnippetEndpoint : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Client = new(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 });

    private readonly Process? _process;
    private readonly Receiver? _receiver;
    private readonly StringBuilder _said = new();

    private SnippetEndpoint(Process? process, Receiver? receiver) => (_process, _receiver) = (process, receiver);

    /// <summary>Where it takes webhooks; <c>null</c> when the program has ended instead of listening.</summary>
    public Uri? Url { get; private set; }

    private string Said
    {
        get
        {
            lock (_said) return _said.ToString();
        }
    }

    /// <summary>Starts a program that listens by itself.</summary>
    public static async Task<SnippetEndpoint> StartAsync(string folder, string[] command, string? secret)
    {
        var endpoint = new SnippetEndpoint(new Process { StartInfo = SnippetRuntime.Start(folder, command, secret) }, null);
        try
        {
            await endpoint.ListenAsync(endpoint._process!);
            return endpoint;
        }
        catch
        {
            await endpoint.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has a program that looks at one request be asked about each that comes in.</summary>
    public static async Task<SnippetEndpoint> AskAsync(string folder, string[] command, string? secret)
    {
        var receiver = await Receiver.StartAsync();
        receiver.Answer = async (received, _, context) =>
        {
            string[] given = [.. new[] { "webhook-id", "webhook-timestamp", "webhook-signature" }.Select(n => received.Headers.GetValueOrDefault(n, ""))];
            var (exitCode, _) = await SnippetRuntime.RunAsync(folder, [.. command, .. given], secret, received.Body);
            context.Response.StatusCode = exitCode == 0 ? 204 : 401;
        };
        return new SnippetEndpoint(null, receiver) { Url = receiver.Url };
    }

    /// <summary>Posts a webhook; the status of the answer.</summary>
    public async Task<int> PostAsync(SignedWebhook webhook)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Url) { Content = new ByteArrayContent(webhook.Body) };
        request.Content.Headers.TryAddWithoutValidation("content-type", "application/json");
        Add("webhook-id", webhook.Id);
        Add("webhook-timestamp", webhook.Timestamp);
        Add("webhook-signature", webhook.Signature);
        using var answer = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        return (int)answer.StatusCode;

        void Add(string name, string? value)
        {
            if (value is not null) request.Headers.TryAddWithoutValidation(name, value);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_receiver is not null) await _receiver.DisposeAsync();
        if (_process is null) return;
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task ListenAsync(Process process)
    {
        process.OutputDataReceived += (_, line) => Append(line.Data);
        process.ErrorDataReceived += (_, line) => Append(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Eventually.TrueAsync(() => process.HasExited || Listening().IsMatch(Said), $"{process.StartInfo.FileName} listens or ends", StartLimit);
        if (!Listening().IsMatch(Said)) return;
        var port = int.Parse(Listening().Match(Said).Groups[1].Value, CultureInfo.InvariantCulture);
        Url = new Uri($"http://127.0.0.1:{port}/hook");
    }

    private void Append(string? line)
    {
        lock (_said) _said.AppendLine(line);
    }

    /// <summary>As each says it: our own programs, PHP's server and WEBrick.</summary>
    [GeneratedRegex(@"(?:http://127\.0\.0\.1:|#start: pid=[0-9]+ port=)([0-9]+)")]
    private static partial Regex Listening();
}

/// <summary>A webhook as it is posted; <c>null</c>: without that header.</summary>
internal sealed record SignedWebhook(string? Id, string? Timestamp, string? Signature, byte[] Body);
