// Pooled connections: used again, given up in time, and no failed attempts from those that the receiver closed meanwhile.

using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class ConnectionReuseTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task Attempts_one_after_the_other_share_a_connection()
    {
        await using var receiver = RawReceiver.Start(AnswerAllAsync);
        using var sender = Sender();

        for (var i = 0; i < 10; i++) await sender.SendAsync(Target(receiver.Url), Message(), default);

        Assert.Equal(1, receiver.Connections);
    }

    [Fact]
    public async Task A_connection_that_the_receiver_closed_while_it_was_idle_fails_no_attempt()
    {
        await using var receiver = RawReceiver.Answering(Ok);
        using var sender = Sender();

        for (var i = 1; i <= 20; i++)
        {
            var result = await sender.SendAsync(Target(receiver.Url), Message(), default);
            Assert.Equal(SendOutcome.Succeeded, result.Outcome);
            await receiver.ClosedAsync(i);
        }
    }

    [Fact]
    public async Task An_idle_connection_is_closed_before_the_receiver_would_close_it()
    {
        await using var receiver = RawReceiver.Start(AnswerAllAsync);
        using var sender = Sender(new SendingOptions { ConnectionIdleTimeout = TimeSpan.FromMilliseconds(300) });

        await sender.SendAsync(Target(receiver.Url), Message(), default);

        await receiver.ClosedAsync(1);
    }

    [Fact]
    public void By_default_idle_connections_go_before_the_five_seconds_of_common_servers() =>
        Assert.InRange(new SendingOptions().ConnectionIdleTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4.5));

    [Fact]
    public async Task Nothing_is_sent_twice_when_the_receiver_hangs_up_on_a_used_connection()
    {
        var requests = 0;
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            Interlocked.Increment(ref requests);
            await connection.WriteAsync(Ok);
            await connection.ReadRequestAsync();
            Interlocked.Increment(ref requests);
        });
        using var sender = Sender();

        await sender.SendAsync(Target(receiver.Url), Message(), default);
        var second = await sender.SendAsync(Target(receiver.Url), Message(), default);

        Assert.Equal(SendOutcome.ConnectionReset, second.Outcome);
        Assert.Equal(2, requests);
        Assert.Equal(1, receiver.Connections);
    }

    [Fact]
    public async Task Attempts_at_once_do_not_wait_for_each_other()
    {
        var arrived = 0;
        var all = new TaskCompletionSource();
        await using var receiver = RawReceiver.Start(async connection =>
        {
            await connection.ReadRequestAsync();
            if (Interlocked.Increment(ref arrived) == 32) all.SetResult();
            await all.Task.WaitAsync(connection.Stop);
            await connection.WriteAsync(Ok);
        });
        using var sender = Sender();

        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => sender.SendAsync(Target(receiver.Url), Message(), default)));

        Assert.All(results, result => Assert.Equal(SendOutcome.Succeeded, result.Outcome));
    }

    private static async Task AnswerAllAsync(RawConnection connection)
    {
        while (await connection.ReadRequestAsync() is not null) await connection.WriteAsync(Ok);
    }
}
