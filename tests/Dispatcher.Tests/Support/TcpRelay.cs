// A TCP relay to a PostgreSQL that can fall silent: connections stay open, and nothing goes through them any more.

using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Dispatcher.Tests.Support;

internal sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Relayed> _connections = new();
    private readonly NpgsqlConnectionStringBuilder _target;
    private readonly Task _accepting;

    /// <param name="target">The PostgreSQL behind it.</param>
    public TcpRelay(NpgsqlConnectionStringBuilder target)
    {
        _target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Connections so far.</summary>
    public int Count => _connections.Count;

    /// <summary>What is connected now goes silent, without a word to either side. New connections work.</summary>
    public void SilenceAll()
    {
        foreach (var connection in _connections) connection.IsSilent = true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var connection in _connections) connection.Dispose();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var near = await _listener.AcceptSocketAsync(_stop.Token);
            var far = await PostgresSocket.ConnectAsync(_target, _stop.Token);
            var connection = new Relayed(near, far);
            _connections.Enqueue(connection);
            _ = CopyAsync(connection, near, far);
            _ = CopyAsync(connection, far, near);
        }
    }

    private async Task CopyAsync(Relayed connection, Socket from, Socket to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _stop.Token) is > 0 and var read)
            {
                if (!connection.IsSilent) await to.SendAsync(buffer.AsMemory(0, read), _stop.Token);
            }

            if (!connection.IsSilent) connection.Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The one side or the other is gone.
        }
    }

    private sealed class Relayed(Socket near, Socket far) : IDisposable
    {
        private volatile bool _silent;

        public bool IsSilent
        {
            get => _silent;
            set => _silent = value;
        }

        public void Dispose()
        {
            near.Dispose();
            far.Dispose();
        }
    }
}
