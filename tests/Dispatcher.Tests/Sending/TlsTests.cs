// TLS with real validation: what is trusted, what is refused, and what the receiver is told.

using System.Net;
using System.Net.Security;
using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class TlsTests
{
    private static readonly SendingOptions Trusting = new() { TrustedRoots = [Certificates.Authority] };

    [Fact]
    public async Task A_certificate_of_a_trusted_authority_is_accepted_and_the_address_is_known()
    {
        using var certificate = Certificates.For("127.0.0.1");
        await using var receiver = RawReceiver.StartTls(certificate, AnswerAllAsync);
        using var sender = Sender(Trusting);

        for (var i = 0; i < 3; i++)
        {
            var result = await sender.SendAsync(Target(receiver.TlsUrl), Message(), default);

            Assert.Equal(SendOutcome.Succeeded, result.Outcome);
            Assert.Equal(receiver.Address, result.Address);
        }

        Assert.Equal(1, receiver.Connections);
    }

    [Fact]
    public async Task An_unknown_authority_is_not_trusted() =>
        await AssertRefusedAsync("127.0.0.1", new SendingOptions(), "UntrustedRoot|PartialChain");

    [Fact]
    public async Task A_certificate_for_another_host_is_refused() =>
        await AssertRefusedAsync("hooks.example", Trusting, "RemoteCertificateNameMismatch");

    [Fact]
    public async Task An_expired_certificate_is_refused() =>
        await AssertRefusedAsync("127.0.0.1", Trusting, "NotTimeValid", expired: true);

    [Fact]
    public async Task A_receiver_without_tls_fails_the_handshake()
    {
        await using var receiver = RawReceiver.Start(connection => connection.WriteAsync("HTTP/1.1 400 Bad Request\r\n\r\n"));

        var result = await SendOnceAsync(receiver.TlsUrl);

        Assert.Equal(SendOutcome.TlsFailed, result.Outcome);
    }

    [Fact]
    public async Task Hanging_up_during_the_handshake_fails_it()
    {
        await using var receiver = RawReceiver.Start(async connection => await connection.Stream.ReadExactlyAsync(new byte[1]));

        var result = await SendOnceAsync(receiver.TlsUrl);

        Assert.Equal(SendOutcome.TlsFailed, result.Outcome);
    }

    [Fact]
    public async Task The_receiver_is_told_the_name_that_it_is_addressed_by()
    {
        using var certificate = Certificates.For("hooks.example");
        string? asked = null;
        var tls = new SslServerAuthenticationOptions
        {
            ServerCertificateSelectionCallback = (_, name) =>
            {
                asked = name;
                return certificate;
            },
        };
        await using var receiver = RawReceiver.StartTls(tls, AnswerAllAsync);
        var url = new Uri($"https://hooks.example:{receiver.EndPoint.Port}/hook");

        var result = await SendOnceAsync(url, options: Trusting, guard: GuardResolving(IPAddress.Loopback));

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal("hooks.example", asked);
    }

    private static async Task AssertRefusedAsync(string host, SendingOptions options, string reason, bool expired = false)
    {
        using var certificate = Certificates.For(host, expired);
        RawRequest? request = null;
        await using var receiver = RawReceiver.StartTls(certificate, async connection => request = await connection.ReadRequestAsync());

        var result = await SendOnceAsync(receiver.TlsUrl, options: options);

        Assert.Equal(SendOutcome.TlsFailed, result.Outcome);
        Assert.Matches(reason, result.Error);
        Assert.Null(request);
    }

    private static async Task AnswerAllAsync(RawConnection connection)
    {
        while (await connection.ReadRequestAsync() is not null)
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}
