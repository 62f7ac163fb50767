// Connecting through the guard: the name is resolved once, and only an address that was checked is connected to.

using System.Net;
using System.Net.Sockets;
using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class EgressConnectTests
{
    private static readonly IPAddress Open = IPAddress.Parse("127.0.0.1");
    private static readonly IPAddress Closed = IPAddress.Parse("127.0.0.2");
    private static readonly EgressPolicy OnlyOpen = new() { AllowedNetworks = [IPNetwork.Parse("127.0.0.1/32")] };

    [Fact]
    public async Task A_name_whose_answer_changes_after_the_check_gains_nothing()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        var port = receiver.Url.Port;
        using var forbidden = Listen(Closed, port);
        var answers = new Queue<IPAddress>([Open, Closed, Closed]);
        var asked = 0;
        var guard = new EgressGuard(OnlyOpen, (_, _) =>
        {
            asked++;
            return Task.FromResult<IPAddress[]>([answers.Dequeue()]);
        });
        using var sender = Sender(guard: guard);
        var target = Target(new Uri($"http://rebind.example:{port}/"));

        var result = await sender.SendAsync(target, Message(), default);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal($"127.0.0.1:{port}", result.Address);
        Assert.Equal(1, asked);
        Assert.False(forbidden.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task A_new_connection_is_checked_anew()
    {
        var answers = new Queue<IPAddress>([Open, Closed]);
        await using var receiver = RawReceiver.Answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        var port = receiver.EndPoint.Port;
        using var forbidden = Listen(Closed, port);
        using var sender = Sender(guard: new EgressGuard(OnlyOpen, (_, _) => Task.FromResult<IPAddress[]>([answers.Dequeue()])));
        var target = Target(new Uri($"http://rebind.example:{port}/"));

        var first = await sender.SendAsync(target, Message(), default);
        var second = await sender.SendAsync(target, Message(), default);

        Assert.Equal(SendOutcome.Succeeded, first.Outcome);
        Assert.Equal(SendOutcome.AddressForbidden, second.Outcome);
        Assert.Contains("127.0.0.2 is loopback", second.Error, StringComparison.Ordinal);
        Assert.False(forbidden.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task Of_several_addresses_only_the_allowed_ones_are_tried()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        var port = receiver.Url.Port;
        using var forbidden = Listen(Closed, port);
        var guard = new EgressGuard(OnlyOpen, (_, _) => Task.FromResult<IPAddress[]>([Closed, IPAddress.Parse("10.0.0.1"), Open]));

        var result = await SendOnceAsync(new Uri($"http://hooks.example:{port}/"), guard: guard);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.False(forbidden.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task An_address_that_refuses_gives_way_to_the_next()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        var guard = GuardResolving(Closed, Open);

        var result = await SendOnceAsync(new Uri($"http://hooks.example:{receiver.Url.Port}/"), guard: guard);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        Assert.Equal(receiver.Address, result.Address);
    }

    [Fact]
    public async Task A_mapped_answer_is_judged_as_its_ipv4_address()
    {
        var guard = new EgressGuard(new EgressPolicy(), (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("::ffff:10.0.0.1")]));

        var refusal = await Assert.ThrowsAsync<EgressForbiddenException>(
            () => guard.ConnectAsync(new DnsEndPoint("hooks.example", 80), default).AsTask());

        Assert.Contains("::ffff:10.0.0.1 is private", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_literal_address_is_not_resolved()
    {
        var guard = new EgressGuard(new EgressPolicy(), (_, _) => throw new InvalidOperationException("Nobody should ask."));

        await Assert.ThrowsAsync<EgressForbiddenException>(() => guard.ConnectAsync(new DnsEndPoint("10.0.0.1", 80), default).AsTask());
    }

    [Fact]
    public async Task Those_who_ask_for_the_same_name_at_once_all_get_its_addresses()
    {
        var resolver = new NameResolver();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => resolver.ResolveAsync("localhost", default)));

        Assert.All(answers, addresses => Assert.All(addresses, address => Assert.True(IPAddress.IsLoopback(address))));
        Assert.All(answers, Assert.NotEmpty);
    }

    private static Socket Listen(IPAddress address, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen();
        return socket;
    }
}
