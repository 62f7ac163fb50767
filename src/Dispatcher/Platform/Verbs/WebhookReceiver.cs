// The HTTP server behind `listen`: takes POSTs on 127.0.0.1, hands each one over to be printed, answers.

using System.Net;
using Dispatcher.Client;

namespace Dispatcher.Platform.Verbs;

/// <param name="Port">0: any free one.</param>
/// <param name="Status">What every webhook is answered with.</param>
/// <param name="Path">The only path to answer on; <c>null</c>: every path.</param>
/// <param name="Count">How many webhooks to take before stopping; <c>null</c>: no end.</param>
/// <param name="Verifier"><c>null</c>: signatures are not checked.</param>
internal sealed record WebhookReceiverSettings(int Port, int Status, string? Path, int? Count, WebhookVerifier? Verifier);

/// <summary>Takes webhooks until it is cancelled, the process is asked to end, or the count is reached.</summary>
internal sealed class WebhookReceiver(WebhookReceiverSettings settings, Action<ReceivedWebhook> print, TextWriter notes, TimeProvider time)
{
    private readonly Lock _printing = new();
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;
    private int _printed;

    /// <exception cref="IOException">The port cannot be listened on.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Empty, not slim: the server's own settings (ASPNETCORE_URLS, appsettings.json) are not meant for this receiver.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, settings.Port);
        });
        await using var app = builder.Build();
        app.Run(ReceiveAsync);
        await app.StartAsync(cancellationToken);
        Note($"Listening on {app.Urls.Single()}{settings.Path ?? "/"} - Ctrl+C stops.");

        await using var cancelled = cancellationToken.Register(() => _done.TrySetResult());
        await using var stopping = app.Lifetime.ApplicationStopping.Register(() => _done.TrySetResult());
        await _done.Task;
        await app.StopAsync(CancellationToken.None);
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        var request = context.Request;
        if (Refusal(request) is { } refusal)
        {
            context.Response.StatusCode = refusal;
            Note($"{request.Method} {Terminal.Safe(request.Path)}: answered {refusal}, it is no webhook for this listener.");
            return;
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, context.RequestAborted);
        if (settings.Count is { } count && Interlocked.Increment(ref _taken) > count)
        {
            // Came in while the last one was being answered: let the sender keep it.
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        var webhook = ReceivedWebhook.Read(request, body.ToArray(), settings.Verifier, time.GetUtcNow());
        context.Response.StatusCode = settings.Status;
        context.Response.OnCompleted(Completed);
        lock (_printing)
            print(webhook);
    }

    private int? Refusal(HttpRequest request)
    {
        if (settings.Path is not null && request.Path != settings.Path)
            return StatusCodes.Status404NotFound;
        return HttpMethods.IsPost(request.Method) ? null : StatusCodes.Status405MethodNotAllowed;
    }

    private Task Completed()
    {
        if (Interlocked.Increment(ref _printed) == settings.Count)
            _done.TrySetResult();
        return Task.CompletedTask;
    }

    private void Note(string text)
    {
        lock (_printing)
            notes.WriteLine(text);
    }
}
