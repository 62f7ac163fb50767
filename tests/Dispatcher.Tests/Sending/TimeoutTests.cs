// Time limits: which phase a timeout names, that none outlasts it, and that shutting down is something else.

using System.Diagnostics;
using System.Net;
using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class TimeoutTests
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_name_server_that_stays_silent_is_a_connect_timeout()
    {
        var guard = new EgressGuard(new EgressPolicy(), async (_, ct) =>
        {
            await Task.Delay(Timeout.Infinite, ct);
            return [];
        });

        var result = await SendOnceAsync(new Uri("http://hooks.example/"), Short, guard: guard);

        Assert.Equal(SendOutcome.ConnectTimeout, result.Outcome);
        Assert.Equal("There was no connection within 1 s.", result.Error);
        Assert.Null(result.Address);
    }

    [Fact]
    public async Task A_tls_handshake_that_never_ends_is_a_connect_timeout()
    {
        await using var receiver = RawReceiver.Start(connection => connection.HangAsync());

        var result = await SendOnceAsync(receiver.TlsUrl, Short);

        Assert.Equal(SendOutcome.ConnectTimeout, result.Outcome);
        Assert.Equal(1, receiver.Connections);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-")]
    public async Task An_answer_that_never_gets_through_its_headers_is_a_headers_timeout(string beginning)
    {
        await using var receiver = Hanging(beginning);

        var result = await SendOnceAsync(receiver.Url, Short);

        Assert.Equal(SendOutcome.HeadersTimeout, result.Outcome);
        Assert.Equal("There was no answer within 1 s.", result.Error);
        Assert.Equal(receiver.Address, result.Address);
        Assert.Null(result.StatusCode);
    }

    [Fact]
    public async Task A_body_that_never_ends_is_a_body_timeout_and_what_came_is_kept()
    {
        await using var receiver = Hanging("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");

        var result = await SendOnceAsync(receiver.Url, Short);

        Assert.Equal(SendOutcome.BodyTimeout, result.Outcome);
        Assert.Equal(200, result.StatusCode);
        Assert.Equal("short"u8, result.ResponseBody);
        Assert.Equal(5, result.ResponseBytes);
    }

    [Fact]
    public async Task A_body_that_drips_does_not_put_the_timeout_off()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            while (true)
            {
                await connection.WriteAsync("1\r\nx\r\n");
                await Task.Delay(20, connection.Stop);
            }
        });

        var result = await SendOnceAsync(receiver.Url, Short);

        Assert.Equal(SendOutcome.BodyTimeout, result.Outcome);
        Assert.NotEmpty(result.ResponseBody);
        Assert.InRange(result.Latency, Short - TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_failing_status_is_the_cause_even_if_its_body_never_ends()
    {
        await using var receiver = Hanging("HTTP/1.1 429 Slow down\r\nRetry-After: 9\r\nContent-Length: 100\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url, Short);

        Assert.Equal(SendOutcome.RateLimited, result.Outcome);
        Assert.Equal(TimeSpan.FromSeconds(9), result.RetryAfter);
    }

    [Fact]
    public async Task A_deadline_that_is_used_again_starts_from_the_beginning()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            for (var wait = 0; await connection.ReadRequestAsync() is not null; wait = 1_500)
            {
                await Task.Delay(wait, connection.Stop);
                await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        using var sender = Sender();

        Assert.Equal(SendOutcome.Succeeded, (await sender.SendAsync(Target(receiver.Url, Short), Message(), default)).Outcome);
        Assert.Equal(SendOutcome.Succeeded, (await sender.SendAsync(Target(receiver.Url, Ample), Message(), default)).Outcome);
        Assert.Equal(SendOutcome.HeadersTimeout, (await sender.SendAsync(Target(receiver.Url, Short), Message(), default)).Outcome);
    }

    [Fact]
    public async Task A_deadline_that_is_not_in_use_does_not_run_on()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        using var sender = Sender();

        await sender.SendAsync(Target(receiver.Url, Short), Message(), default);
        await Task.Delay(Short * 1.5);

        Assert.Equal(SendOutcome.Succeeded, (await sender.SendAsync(Target(receiver.Url), Message(), default)).Outcome);
    }

    [Fact]
    public async Task A_shutdown_after_an_attempt_does_not_reach_the_next_one_that_uses_its_deadline()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        using var sender = Sender();
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();

        await sender.SendAsync(Target(receiver.Url), Message(), first.Token);
        await first.CancelAsync();

        Assert.Equal(SendOutcome.Succeeded, (await sender.SendAsync(Target(receiver.Url), Message(), second.Token)).Outcome);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")]
    public async Task A_shutdown_in_the_middle_interrupts_the_attempt(string beginning)
    {
        using var shutdown = new CancellationTokenSource();
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync(beginning);
            await shutdown.CancelAsync();
            await connection.HangAsync();
        });

        var result = await SendOnceAsync(receiver.Url, shutdown: shutdown.Token);

        Assert.Equal(SendOutcome.Interrupted, result.Outcome);
        Assert.InRange(result.Latency, TimeSpan.Zero, Ample / 2);
    }

    [Fact]
    public async Task After_the_shutdown_nothing_is_sent()
    {
        await using var receiver = await KestrelReceiver.StartAsync();

        var result = await SendOnceAsync(receiver.Url, shutdown: new CancellationToken(canceled: true));

        Assert.Equal(SendOutcome.Interrupted, result.Outcome);
        Assert.Empty(receiver.Received);
    }

    [Fact]
    public async Task An_address_that_swallows_packets_gives_way_to_the_next()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        using var full = new FullBacklog(IPAddress.Parse("127.0.0.2"), receiver.Url.Port);
        await full.FillAsync();
        var guard = GuardResolving(IPAddress.Parse("127.0.0.2"), IPAddress.Loopback);

        var result = await SendOnceAsync(new Uri($"http://hooks.example:{receiver.Url.Port}/"), guard: guard);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal(receiver.Address, result.Address);
    }

    [Fact]
    public async Task A_host_that_swallows_packets_is_a_connect_timeout()
    {
        using var full = new FullBacklog(IPAddress.Loopback, 0);
        await full.FillAsync();
        var started = Stopwatch.GetTimestamp();

        var result = await SendOnceAsync(new Uri($"http://{full.EndPoint}/"), Short);

        Assert.Equal(SendOutcome.ConnectTimeout, result.Outcome);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, Ample / 2);
    }

    private static RawReceiver Hanging(string beginning) => RawReceiver.Start(async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.WriteAsync(beginning);
        await connection.HangAsync();
    });
}
