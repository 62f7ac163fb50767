// Sending through a proxy: what it carries, what it is never asked to carry, and how its own failures are told.

using System.Net;
using System.Net.Sockets;
using System.Text;
using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class ProxyTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    private const string Unauthorized = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n";

    private static readonly Uri PublicUrl = new("http://hooks.example/hook");
    private static readonly IPAddress PublicAddress = IPAddress.Parse("8.8.8.8");

    [Fact]
    public async Task Plain_requests_are_handed_to_the_proxy_whose_own_address_is_exempt()
    {
        RawRequest? request = null;
        await using var proxy = RawReceiver.Start(async connection =>
        {
            request = await connection.ReadRequestAsync();
            await connection.WriteAsync(Ok);
        });

        var result = await SendThroughAsync(proxy, PublicUrl);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal("POST http://hooks.example/hook HTTP/1.1", request!.Line);
        Assert.Equal(proxy.Address, result.Address);
    }

    [Fact]
    public async Task Tls_goes_through_a_tunnel_to_the_real_receiver()
    {
        using var certificate = Certificates.For("hooks.example");
        await using var receiver = RawReceiver.StartTls(certificate, async connection =>
        {
            await connection.ReadRequestAsync();
            await connection.WriteAsync(Ok);
        });
        string? line = null;
        await using var proxy = RawReceiver.Start(async connection =>
        {
            line = (await connection.ReadRequestAsync())!.Line;
            await connection.WriteAsync("HTTP/1.1 200 Connected\r\n\r\n");
            await RelayAsync(connection, receiver.EndPoint);
        });

        var result = await SendThroughAsync(proxy, new Uri("https://hooks.example/hook"));

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal("CONNECT hooks.example:443 HTTP/1.1", line);
        Assert.Equal(proxy.Address, result.Address);
    }

    [Fact]
    public async Task Credentials_in_the_proxys_url_are_offered_to_it_and_to_nobody_else()
    {
        var requests = new List<RawRequest>();
        await using var proxy = RawReceiver.Start(async connection =>
        {
            while (await connection.ReadRequestAsync() is { } request)
            {
                requests.Add(request);
                await connection.WriteAsync(request.HeaderNames.Contains("proxy-authorization") ? Ok : Unauthorized);
            }
        });
        var options = new SendingOptions { Proxy = new Uri($"http://us%40er:pa%3Ass@{proxy.Address}") };

        var result = await SendOnceAsync(PublicUrl, options: options, guard: PublicGuard());

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("us@er:pa:ss")), requests[^1]["proxy-authorization"]);
    }

    [Fact]
    public async Task A_proxy_that_asks_for_credentials_that_it_was_not_given_fails_the_attempt()
    {
        await using var proxy = RawReceiver.Answering(Unauthorized);

        var result = await SendThroughAsync(proxy, PublicUrl);

        Assert.Equal(SendOutcome.ProxyFailed, result.Outcome);
        Assert.Equal(407, result.StatusCode);
    }

    [Fact]
    public async Task A_proxy_that_refuses_the_tunnel_fails_the_attempt()
    {
        await using var proxy = RawReceiver.Answering("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");

        var result = await SendThroughAsync(proxy, new Uri("https://hooks.example/hook"));

        Assert.Equal(SendOutcome.ProxyFailed, result.Outcome);
        Assert.Contains("403", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_is_not_there_fails_the_attempt()
    {
        var proxy = RawReceiver.Answering("");
        var gone = proxy.EndPoint;
        await proxy.DisposeAsync();

        var options = new SendingOptions { Proxy = new Uri($"http://{gone}") };

        var result = await SendOnceAsync(PublicUrl, options: options, guard: PublicGuard());

        Assert.Equal(SendOutcome.ProxyFailed, result.Outcome);
        Assert.Null(result.Address);
    }

    [Theory]
    [InlineData("http://10.0.0.1/")]
    [InlineData("https://[::1]/")]
    [InlineData("http://localhost/")]
    public async Task A_special_address_is_never_asked_of_the_proxy(string url)
    {
        await using var proxy = RawReceiver.Answering(Ok);

        var result = await SendThroughAsync(proxy, new Uri(url));

        Assert.Equal(SendOutcome.AddressForbidden, result.Outcome);
        Assert.Equal(0, proxy.Connections);
    }

    [Fact]
    public async Task A_name_that_leads_to_a_special_address_is_never_asked_of_the_proxy()
    {
        await using var proxy = RawReceiver.Answering(Ok);

        var result = await SendThroughAsync(proxy, PublicUrl, PublicGuard(IPAddress.Parse("169.254.169.254")));

        Assert.Equal(SendOutcome.AddressForbidden, result.Outcome);
        Assert.Equal(0, proxy.Connections);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_is_never_asked_of_the_proxy()
    {
        await using var proxy = RawReceiver.Answering(Ok);
        var guard = new EgressGuard(
            new EgressPolicy(), (_, _) => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)));

        var result = await SendThroughAsync(proxy, PublicUrl, guard);

        Assert.Equal(SendOutcome.DnsFailed, result.Outcome);
        Assert.Equal(0, proxy.Connections);
    }

    [Fact]
    public async Task A_tunnel_that_is_never_opened_is_a_connect_timeout()
    {
        await using var proxy = RawReceiver.Start(connection => connection.HangAsync());
        var options = new SendingOptions { Proxy = new Uri($"http://{proxy.Address}") };

        var result = await SendOnceAsync(new Uri("https://hooks.example/"), TimeSpan.FromSeconds(1), options, PublicGuard());

        Assert.Equal(SendOutcome.ConnectTimeout, result.Outcome);
    }

    private static Task<SendResult> SendThroughAsync(RawReceiver proxy, Uri url, EgressGuard? guard = null)
    {
        var options = new SendingOptions { Proxy = new Uri($"http://{proxy.Address}"), TrustedRoots = [Certificates.Authority] };
        return SendOnceAsync(url, options: options, guard: guard ?? PublicGuard());
    }

    private static EgressGuard PublicGuard(IPAddress? answer = null) =>
        new(new EgressPolicy(), (_, _) => Task.FromResult<IPAddress[]>([answer ?? PublicAddress]));

    private static async Task RelayAsync(RawConnection connection, IPEndPoint target)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(target, connection.Stop);
        var stream = client.GetStream();
        await Task.WhenAny(stream.CopyToAsync(connection.Stream, connection.Stop), connection.Stream.CopyToAsync(stream, connection.Stop));
    }
}
