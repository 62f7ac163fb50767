// What is read of an answer, what is kept of it, and that it never costs more than its limits.

using System.Net;
using System.Text;
using Dispatcher.Sending;
using Microsoft.AspNetCore.Http;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class WebhookResponseTests
{
    [Fact]
    public async Task A_success_records_status_headers_body_and_address()
    {
        await using var receiver = RawReceiver.Answering(
            "HTTP/1.1 201 Created\r\nX-Trace: 7\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" +
            "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal(201, result.StatusCode);
        Assert.Equal("X-Trace: 7\nSet-Cookie: a=1\nSet-Cookie: b=2\nContent-Type: text/plain\nContent-Length: 5\n", result.ResponseHeaders);
        Assert.Equal("hello"u8, result.ResponseBody);
        Assert.Equal(5, result.ResponseBytes);
        Assert.Equal(receiver.Address, result.Address);
        Assert.InRange(result.Latency, TimeSpan.FromTicks(1), Ample);
        Assert.Null(result.RetryAfter);
        Assert.Null(result.Error);
    }

    [Fact]
    public async Task Interim_answers_are_passed_over()
    {
        await using var receiver = RawReceiver.Answering(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(204, result.StatusCode);
        Assert.Empty(result.ResponseBody);
    }

    [Theory]
    [InlineData(16_383)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(300_000)]
    public async Task The_first_16_KiB_of_a_body_are_kept_and_all_of_it_is_counted(int length)
    {
        var body = string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i % 26))));
        await using var receiver = await KestrelReceiver.StartAsync(context => context.Response.WriteAsync(body));

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal(body[..Math.Min(length, 16_384)], Encoding.ASCII.GetString(result.ResponseBody));
        Assert.Equal(length, result.ResponseBytes);
    }

    [Fact]
    public async Task A_long_body_leaves_the_connection_fit_for_the_next_attempt()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            while (await connection.ReadRequestAsync() is not null)
                await connection.WriteAsync($"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n{new string('x', 100_000)}");
        });
        using var sender = Sender();

        for (var i = 0; i < 3; i++) await sender.SendAsync(Target(receiver.Url), Message(), default);

        Assert.Equal(1, receiver.Connections);
    }

    [Fact]
    public async Task Many_headers_are_kept_up_to_16_KiB()
    {
        var headers = string.Concat(Enumerable.Range(0, 40).Select(i => $"X-{i}: {new string('v', 1_000)}\r\n"));
        await using var receiver = RawReceiver.Answering($"HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal(16 * 1024, result.ResponseHeaders!.Length);
        Assert.StartsWith("X-0: vvv", result.ResponseHeaders, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_zero_byte_in_a_header_does_not_reach_the_record()
    {
        await using var receiver = RawReceiver.Answering("HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url);

        Assert.DoesNotContain('\0', result.ResponseHeaders ?? "");
    }

    [Theory]
    [InlineData(429, 30)]
    [InlineData(503, 30)]
    [InlineData(500, null)]
    [InlineData(200, null)]
    public async Task Retry_after_counts_on_429_and_503(int status, int? seconds)
    {
        await using var receiver = RawReceiver.Answering($"HTTP/1.1 {status} So\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(seconds, result.RetryAfter?.TotalSeconds);
    }

    [Fact]
    public async Task Retry_after_as_a_date_is_relative_to_the_clock()
    {
        await using var receiver = RawReceiver.Answering(
            "HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
        using var sender = Sender(time: new StandingClock(new DateTimeOffset(1994, 11, 6, 8, 49, 0, TimeSpan.Zero)));

        var result = await sender.SendAsync(Target(receiver.Url), Message(), default);

        Assert.Equal(TimeSpan.FromSeconds(37), result.RetryAfter);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirects_are_not_followed(int status)
    {
        await using var elsewhere = await KestrelReceiver.StartAsync();
        await using var receiver = await KestrelReceiver.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = elsewhere.Url.ToString();
            return Task.CompletedTask;
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.Redirected, result.Outcome);
        Assert.Single(receiver.Received);
        Assert.Empty(elsewhere.Received);
    }

    [Fact]
    public async Task Cookies_are_not_sent_back()
    {
        await using var receiver = await KestrelReceiver.StartAsync(context =>
        {
            context.Response.Cookies.Append("session", "1");
            return Task.CompletedTask;
        });
        using var sender = Sender();

        for (var i = 0; i < 2; i++) await sender.SendAsync(Target(receiver.Url), Message(), default);

        Assert.All(receiver.Received, request => Assert.DoesNotContain("cookie", request.Headers));
    }

    [Fact]
    public async Task A_compressed_body_is_kept_as_it_came()
    {
        byte[] packed = [0x1f, 0x8b, 8, 0, 0];
        await using var receiver = await KestrelReceiver.StartAsync(async context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.Body.WriteAsync(packed);
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(packed, result.ResponseBody);
    }

    [Fact]
    public async Task Switching_protocols_is_not_waited_for()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello");
            await connection.HangAsync();
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.UnexpectedStatus, result.Outcome);
        Assert.Equal(101, result.StatusCode);
        Assert.InRange(result.Latency, TimeSpan.Zero, Ample / 2);
    }

    [Fact]
    public async Task A_failing_status_is_the_cause_even_if_its_body_breaks_off()
    {
        await using var receiver = RawReceiver.Answering("HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\nshort");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.Gone, result.Outcome);
        Assert.Equal("short"u8, result.ResponseBody);
        Assert.Equal("The receiver answered 410. The rest of the answer could not be read.", result.Error);
    }

    [Fact]
    public async Task Each_of_many_attempts_at_once_knows_its_own_address()
    {
        await using var one = await KestrelReceiver.StartAsync();
        await using var two = await KestrelReceiver.StartAsync();
        using var sender = Sender();
        KestrelReceiver[] receivers = [one, two];

        await Parallel.ForAsync(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            var receiver = receivers[i % 2];
            var result = await sender.SendAsync(Target(receiver.Url), Message(), default);
            Assert.Equal(receiver.Address, result.Address);
        });
    }

    [Fact]
    public async Task An_ipv6_address_is_written_in_brackets()
    {
        Assert.SkipUnless(System.Net.Sockets.Socket.OSSupportsIPv6, "This machine has no IPv6; enable it in the kernel.");
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.IPv6Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var sending = SendOnceAsync(new Uri($"http://[::1]:{port}/"));
        using var connection = await listener.AcceptTcpClientAsync();
        await connection.GetStream().WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());

        var result = await sending;

        Assert.Equal($"[::1]:{port}", result.Address);
    }
}
