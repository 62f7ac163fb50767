// Each way in which an attempt can fail without an answer, brought about by a real receiver that behaves that way.

using System.Net;
using System.Net.Sockets;
using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class SendFailureTests
{
    [Fact]
    public async Task A_closed_port_refuses_the_connection()
    {
        var port = ClosedPort();

        var result = await SendOnceAsync(new Uri($"http://127.0.0.1:{port}/"));

        Assert.Equal(SendOutcome.ConnectionRefused, result.Outcome);
        Assert.Equal($"127.0.0.1:{port} refused the connection.", result.Error);
        Assert.Null(result.Address);
        Assert.Null(result.StatusCode);
    }

    [Fact]
    public async Task A_reset_before_the_answer_is_a_reset()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            connection.Reset();
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ConnectionReset, result.Outcome);
        Assert.Equal(receiver.Address, result.Address);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-")]
    public async Task Hanging_up_before_the_headers_are_complete_is_a_reset(string beginning)
    {
        await using var receiver = RawReceiver.Answering(beginning);

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ConnectionReset, result.Outcome);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "short")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "short")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n", "")]
    public async Task A_success_whose_body_ends_early_is_a_protocol_error(string answer, string kept)
    {
        await using var receiver = RawReceiver.Answering(answer);

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ProtocolError, result.Outcome);
        Assert.Equal(200, result.StatusCode);
        Assert.Equal(kept, System.Text.Encoding.ASCII.GetString(result.ResponseBody));
    }

    [Fact]
    public async Task A_reset_in_the_middle_of_a_success_is_a_reset()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
            connection.Reset();
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ConnectionReset, result.Outcome);
        Assert.Equal("The receiver reset the connection in the middle of its answer.", result.Error);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 abc OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n")]
    public async Task An_answer_that_is_not_http_is_a_protocol_error(string answer)
    {
        await using var receiver = RawReceiver.Answering(answer);

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ProtocolError, result.Outcome);
        Assert.Null(result.StatusCode);
    }

    [Theory]
    [InlineData(60, "succeeded")]
    [InlineData(65, "response_headers_too_large")]
    public async Task Headers_are_read_up_to_64_KiB(int kilobytes, string expected)
    {
        var headers = string.Concat(Enumerable.Repeat($"X-More: {new string('v', 1024 - 10)}\r\n", kilobytes));
        await using var receiver = RawReceiver.Answering($"HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n");

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(expected, result.Outcome.ToName());
    }

    [Fact]
    public async Task Headers_without_end_are_not_read_without_end()
    {
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync("HTTP/1.1 200 OK\r\n");
            while (true) await connection.WriteAsync($"X-More: {new string('v', 4_000)}\r\n");
        });

        var result = await SendOnceAsync(receiver.Url);

        Assert.Equal(SendOutcome.ResponseHeadersTooLarge, result.Outcome);
    }

    [Theory]
    [InlineData(SocketError.HostNotFound)]
    [InlineData(SocketError.TryAgain)]
    public async Task A_name_that_does_not_resolve_is_a_dns_failure(SocketError error)
    {
        var guard = new EgressGuard(new EgressPolicy(), (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)error)));

        var result = await SendOnceAsync(new Uri("http://hooks.example/"), guard: guard);

        Assert.Equal(SendOutcome.DnsFailed, result.Outcome);
    }

    [Fact]
    public async Task A_name_without_addresses_is_a_dns_failure()
    {
        var result = await SendOnceAsync(new Uri("http://hooks.example/"), guard: GuardResolving());

        Assert.Equal(SendOutcome.DnsFailed, result.Outcome);
    }

    [Fact]
    public async Task The_systems_resolver_says_that_a_reserved_name_does_not_exist()
    {
        var result = await SendOnceAsync(new Uri("http://no-such-host.invalid/"));

        Assert.Equal(SendOutcome.DnsFailed, result.Outcome);
    }

    [Theory]
    [InlineData(SocketError.NetworkUnreachable, "unreachable")]
    [InlineData(SocketError.HostUnreachable, "unreachable")]
    [InlineData(SocketError.AddressFamilyNotSupported, "unreachable")]
    [InlineData(SocketError.ConnectionRefused, "connection_refused")]
    [InlineData(SocketError.ConnectionReset, "connection_reset")]
    [InlineData(SocketError.TimedOut, "connect_timeout")]
    [InlineData(SocketError.AccessDenied, "connection_failed")]
    public void Each_error_of_connecting_has_its_outcome(SocketError error, string expected)
    {
        var failure = new ConnectFailedException(new IPEndPoint(IPAddress.Loopback, 1), error, new SocketException((int)error));

        var (outcome, words) = SendFailure.Describe(
            new HttpRequestException("wrapped", failure), answered: false, connecting: true, proxied: false);

        Assert.Equal(expected, outcome.ToName());
        Assert.Contains("127.0.0.1:1", words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_forbidden_address_is_refused_without_a_connection()
    {
        await using var receiver = RawReceiver.Answering("");

        var result = await SendOnceAsync(receiver.Url, guard: new EgressGuard(new EgressPolicy()));

        Assert.Equal(SendOutcome.AddressForbidden, result.Outcome);
        Assert.Contains("127.0.0.1 is loopback", result.Error, StringComparison.Ordinal);
        Assert.Equal(0, receiver.Connections);
    }

    [Fact]
    public async Task A_name_that_leads_to_a_forbidden_address_is_refused_without_a_connection()
    {
        await using var receiver = RawReceiver.Answering("");
        var guard = new EgressGuard(new EgressPolicy(), (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));

        var result = await SendOnceAsync(new Uri($"http://hooks.example:{receiver.EndPoint.Port}/"), guard: guard);

        Assert.Equal(SendOutcome.AddressForbidden, result.Outcome);
        Assert.Equal(0, receiver.Connections);
    }

    [Fact]
    public async Task Plain_http_is_refused_where_https_is_required()
    {
        await using var receiver = RawReceiver.Answering("");
        var guard = new EgressGuard(new EgressPolicy { AllowLoopback = true, RequireHttps = true });

        var result = await SendOnceAsync(receiver.Url, guard: guard);

        Assert.Equal(SendOutcome.AddressForbidden, result.Outcome);
        Assert.Equal(0, receiver.Connections);
    }

    private static int ClosedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
