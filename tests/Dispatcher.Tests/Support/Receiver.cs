// A real receiver of webhooks on a free loopback port: keeps what it got, answers as told.

using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dispatcher.Tests.Support;

/// <summary>A POST that arrived.</summary>
internal sealed record Received(DateTimeOffset At, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Id => Headers["webhook-id"];
    public int Attempt => int.Parse(Headers["dispatcher-attempt"], System.Globalization.CultureInfo.InvariantCulture);
    public string Text => System.Text.Encoding.UTF8.GetString(Body);
}

internal sealed class Receiver : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<Received> _received = new();

    private Receiver(WebApplication app) => _app = app;

    /// <summary>Where integrations point to.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>Answers a POST; the number counts from 1. Default: 204.</summary>
    public Func<Received, int, HttpContext, Task> Answer { get; set; } = (_, _, context) =>
    {
        context.Response.StatusCode = 204;
        return Task.CompletedTask;
    };

    public IReadOnlyList<Received> All => [.. _received];

    public static async Task<Receiver> StartAsync(int? status = null, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var receiver = new Receiver(builder.Build());
        if (status is { } code)
        {
            receiver.Answer = (_, _, context) =>
            {
                context.Response.StatusCode = code;
                return Task.CompletedTask;
            };
        }

        receiver._app.Run(receiver.HandleAsync);
        await receiver._app.StartAsync();
        var address = receiver._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        receiver.Url = new Uri(address + "/hook");
        return receiver;
    }

    /// <summary>Has the first POST wait for its answer until the source returned is set. Answers as <paramref name="statusOf"/> says of the number; default: 204.</summary>
    public TaskCompletionSource HoldFirst(Func<int, int>? statusOf = null)
    {
        var release = new TaskCompletionSource();
        Answer = async (_, n, context) =>
        {
            if (n == 1) await release.Task;
            context.Response.StatusCode = statusOf?.Invoke(n) ?? 204;
        };
        return release;
    }

    /// <summary>Waits until so many POSTs have arrived.</summary>
    public async Task<IReadOnlyList<Received>> WaitForAsync(int count, TimeSpan? within = null)
    {
        await Eventually.TrueAsync(() => _received.Count >= count, $"{count} POSTs, got {_received.Count}", within);
        return All;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var headers = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        var received = new Received(TimeProvider.System.GetUtcNow(), context.Request.Path, headers, body.ToArray());
        _received.Enqueue(received);
        await Answer(received, _received.Count, context);
    }
}
