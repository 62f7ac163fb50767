// A port that behaves like a host behind a firewall that drops packets: connecting to it neither succeeds nor fails.

using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Dispatcher.Tests.Sending;

/// <summary>Listens without accepting. Once its queue is full, Linux drops further connection requests without an answer.</summary>
internal sealed class FullBacklog : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Socket> _waiting = [];

    public FullBacklog(IPAddress address, int port)
    {
        _listener.Bind(new IPEndPoint(address, port));
        _listener.Listen(0);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>Connects until a connection is not answered any more.</summary>
    public async Task FillAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux drops connection requests to a full queue; run this test there.");
        for (var i = 0; i < 16; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _waiting.Add(socket);
            using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
            try
            {
                await socket.ConnectAsync(EndPoint, patience.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        Assert.Fail("The queue of connections never became full.");
    }

    public void Dispose()
    {
        _waiting.ForEach(socket => socket.Dispose());
        _listener.Dispose();
    }
}
