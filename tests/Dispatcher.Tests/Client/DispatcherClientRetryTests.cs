// When the client tries again, how long it waits, and that the second try is the first one over.

using System.Net;
using System.Net.Sockets;
using Dispatcher.Client;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class DispatcherClientRetryTests
{
    private static readonly EventMessage Message = new("job.completed", JsonPayload.FromText("{}"));
    private static readonly DispatcherRetryOptions Retry = new() { BaseDelay = TimeSpan.FromSeconds(1) };

    [Theory]
    [InlineData(409)]
    [InlineData(429)]
    [InlineData(503)]
    public async Task A_server_that_asks_for_a_pause_gets_it_and_then_the_same_request_with_the_same_key(int status)
    {
        await using var server = await PlayedServer.StartAsync();
        var time = new ProbeTime(timersFire: true);
        using var client = server.Connect(time, Retry);
        server.NextProblem(status, "Not now", retryAfter: "7");

        await client.PublishAsync(Message);

        var (first, second) = (await server.RequestAsync(), await server.RequestAsync());
        Assert.Equal([TimeSpan.FromSeconds(7)], time.Waits);
        Assert.Equal(first.IdempotencyKey, second.IdempotencyKey);
        Assert.Equal(first.Body, second.Body);
    }

    [Fact]
    public async Task A_pause_may_be_asked_for_as_a_date()
    {
        await using var server = await PlayedServer.StartAsync();
        var time = new ProbeTime(timersFire: true, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using var client = server.Connect(time, Retry);
        server.NextProblem(503, "Not now", retryAfter: "Thu, 01 Jan 2026 00:00:09 GMT");

        await client.PublishAsync(Message);

        Assert.Equal([TimeSpan.FromSeconds(9)], time.Waits);
    }

    [Fact]
    public async Task Waits_double_and_the_tries_are_bounded()
    {
        await using var server = await PlayedServer.StartAsync();
        var time = new ProbeTime(timersFire: true);
        using var client = server.Connect(time, Retry);
        for (var i = 0; i < 5; i++)
            server.NextProblem(503, "Store unreachable");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal((503, "Store unreachable"), (error.Status, error.Title));
        Assert.Equal(3, time.Waits.Count);
        Assert.All(time.Waits.Zip([1, 2, 4]), wait => Assert.InRange(wait.First.TotalSeconds, wait.Second, wait.Second * 1.25));
        for (var i = 0; i < 4; i++)
            await server.RequestAsync();
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task A_pause_longer_than_the_longest_wait_ends_the_call_at_once_and_is_told()
    {
        await using var server = await PlayedServer.StartAsync();
        var time = new ProbeTime(timersFire: true);
        using var client = server.Connect(time, Retry);
        server.NextProblem(429, "Too many requests", retryAfter: "3600");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal(TimeSpan.FromHours(1), error.RetryAfter);
        Assert.Empty(time.Waits);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(409)]
    [InlineData(413)]
    [InlineData(422)]
    [InlineData(500)]
    public async Task A_refusal_that_is_meant_is_not_tried_again(int status)
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.NextProblem(status, "No");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal(status, error.Status);
        await server.RequestAsync();
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_answer_is_tried_again_with_the_same_key()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(Abort);

        Assert.Equal("evt_made", (await client.PublishAsync(Message)).Id);

        Assert.Equal((await server.RequestAsync()).IdempotencyKey, (await server.RequestAsync()).IdempotencyKey);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_the_answer_is_tried_again()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(async context =>
        {
            context.Response.ContentLength = 100;
            await context.Response.WriteAsync("""{"id":""");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });

        Assert.Equal("evt_made", (await client.PublishAsync(Message)).Id);
    }

    [Fact]
    public async Task Each_call_has_a_key_of_its_own()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();

        await client.PublishAsync(Message);
        await client.PublishAsync(Message);

        Assert.NotEqual((await server.RequestAsync()).IdempotencyKey, (await server.RequestAsync()).IdempotencyKey);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_is_tried_again_and_then_named_as_unreachable()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect(
            retry: new() { MaxAttempts = 2, BaseDelay = TimeSpan.Zero }, timeout: TimeSpan.FromMilliseconds(300));
        server.Hold();
        server.Hold();

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => client.PublishAsync(Message));

        Assert.IsType<TimeoutException>(error.InnerException);
        Assert.Equal((await server.RequestAsync()).IdempotencyKey, (await server.RequestAsync()).IdempotencyKey);
    }

    [Fact]
    public async Task Where_nobody_listens_the_connection_error_comes_out_after_the_tries()
    {
        var time = new ProbeTime(timersFire: true);
        using var client = new DispatcherClient(new DispatcherClientOptions
        {
            BaseAddress = new Uri($"http://127.0.0.1:{FreePort()}"),
            ApiKey = PlayedServer.Key,
            TimeProvider = time,
        });

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => client.PublishAsync(Message));

        Assert.Equal(HttpRequestError.ConnectionError, error.HttpRequestError);
        Assert.Equal(3, time.Waits.Count);
    }

    [Fact]
    public async Task A_cancelled_call_ends_in_the_middle_of_a_wait()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect(new ProbeTime(timersFire: false), Retry);
        using var cancellation = new CancellationTokenSource();
        server.NextProblem(503, "Not now");

        var call = client.PublishAsync(Message, cancellation.Token);
        await server.RequestAsync();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    private static Task Abort(HttpContext context)
    {
        context.Abort();
        return Task.CompletedTask;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
