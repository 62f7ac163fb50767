// A real HTTP server on loopback that plays the documented wire contract, and keeps what it was sent.

using System.Net;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Dispatcher.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dispatcher.Tests.Client;

/// <summary>
/// Answers <c>/events</c> and <c>/events/batch</c> as the contract says, unless a test has put answers of its own in line with
/// <see cref="Next"/>.
/// </summary>
internal sealed class PlayedServer : IAsyncDisposable
{
    public const string Key = "key_test";

    private readonly WebApplication _app;
    private readonly Queue<Func<HttpContext, Task>> _next = new();
    private readonly Channel<PlayedRequest> _requests = Channel.CreateUnbounded<PlayedRequest>();
    private int _underWay;

    private PlayedServer(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <summary>The most requests that were ever under way at one time.</summary>
    public int MostAtOnce { get; private set; }

    public static async Task<PlayedServer> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var server = new PlayedServer(app);
        app.Run(server.HandleAsync);
        await app.StartAsync();
        return server;
    }

    public DispatcherClient Connect(TimeProvider? time = null, DispatcherRetryOptions? retry = null, TimeSpan? timeout = null) =>
        new(new DispatcherClientOptions
        {
            BaseAddress = Address,
            ApiKey = Key,
            AttemptTimeout = timeout ?? TimeSpan.FromSeconds(30),
            Retry = retry ?? new DispatcherRetryOptions { BaseDelay = TimeSpan.FromMilliseconds(1) },
            TimeProvider = time ?? TimeProvider.System,
        });

    /// <summary>Puts an answer in line for the next request.</summary>
    public void Next(Func<HttpContext, Task> answer)
    {
        lock (_next)
            _next.Enqueue(answer);
    }

    public void Next(int status, string body, string contentType = "application/json", string? retryAfter = null) => Next(async context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        if (retryAfter is not null)
            context.Response.Headers.RetryAfter = retryAfter;
        await context.Response.WriteAsync(body);
    });

    public void NextProblem(int status, string title, string? retryAfter = null) =>
        Next(status, $$"""{"title":"{{title}}","status":{{status}}}""", "application/problem+json", retryAfter);

    /// <summary>Keeps the next request waiting for its usual answer until the returned source is completed.</summary>
    public TaskCompletionSource Hold()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Next(async context =>
        {
            await gate.Task.WaitAsync(context.RequestAborted);
            await AnswerAsync(context);
        });
        return gate;
    }

    /// <summary>The next request that came in, in order; fails the test where none comes.</summary>
    public async Task<PlayedRequest> RequestAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await _requests.Reader.ReadAsync(deadline.Token);
    }

    /// <summary>Asserts that no request has come in that the test has not looked at.</summary>
    public void AssertNoMoreRequests() => Assert.False(_requests.Reader.TryRead(out var request), $"unexpected: {request}");

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _app.StopAsync(patience.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _underWay));
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var request = new PlayedRequest(
                context.Request.Method,
                context.Request.Path + context.Request.QueryString,
                context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                Encoding.UTF8.GetString(body.ToArray()));
            context.Items[nameof(PlayedRequest)] = request;
            Func<HttpContext, Task>? answer;
            lock (_next)
                _next.TryDequeue(out answer);
            _requests.Writer.TryWrite(request);
            await (answer ?? AnswerAsync)(context);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }

    private static Task AnswerAsync(HttpContext context)
    {
        var request = (PlayedRequest)context.Items[nameof(PlayedRequest)]!;
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(request.Path.EndsWith("/batch", StringComparison.Ordinal)
            ? $$"""{"data":[{{string.Join(',', request.Items().Select(Receipt))}}]}"""
            : Receipt(JsonDocument.Parse(request.Body).RootElement));

        static string Receipt(JsonElement item) =>
            $$"""{"id":"{{(item.TryGetProperty("id", out var id) ? id.GetString() : "evt_made")}}","deliveries":2}""";
    }
}

internal sealed record PlayedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string IdempotencyKey => Headers["Idempotency-Key"];

    /// <summary>The items of a batch.</summary>
    public IReadOnlyList<JsonElement> Items() => [.. JsonDocument.Parse(Body).RootElement.EnumerateArray()];

    /// <summary>One member of each item of a batch.</summary>
    public IReadOnlyList<string?> Each(string member) => [.. Items().Select(item => item.GetProperty(member).GetString())];
}
