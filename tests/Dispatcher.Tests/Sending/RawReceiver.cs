// A receiver that speaks bytes: for answers, and for silences, that no HTTP server would give.

using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Dispatcher.Tests.Sending;

/// <summary>Accepts connections on a free loopback port and runs a script on each.</summary>
internal sealed class RawReceiver : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentBag<Task> _running = [];
    private readonly Func<RawConnection, Task> _script;
    private readonly SslServerAuthenticationOptions? _tls;
    private int _connections;
    private int _closed;

    private RawReceiver(IPAddress address, Func<RawConnection, Task> script, SslServerAuthenticationOptions? tls)
    {
        _script = script;
        _tls = tls;
        _listener.Bind(new IPEndPoint(address, 0));
        _listener.Listen(64);
        _running.Add(AcceptAsync());
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndPoint!;

    public string Address => EndPoint.ToString();

    public Uri Url => new($"http://{Address}/hook");

    public Uri TlsUrl => new($"https://{Address}/hook");

    /// <summary>Connections accepted so far.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public static RawReceiver Start(Func<RawConnection, Task> script, IPAddress? address = null) =>
        new(address ?? IPAddress.Loopback, script, tls: null);

    public static RawReceiver StartTls(X509Certificate2 certificate, Func<RawConnection, Task> script) =>
        StartTls(new SslServerAuthenticationOptions { ServerCertificate = certificate }, script);

    public static RawReceiver StartTls(SslServerAuthenticationOptions tls, Func<RawConnection, Task> script) =>
        new(IPAddress.Loopback, script, tls);

    /// <summary>Answers the first request of each connection with these words, then hangs up.</summary>
    public static RawReceiver Answering(string answer) => Start(async connection =>
    {
        await connection.ReadRequestAsync();
        await connection.WriteAsync(answer);
    });

    /// <summary>Waits until this many connections have been closed.</summary>
    public async Task ClosedAsync(int count)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        deadline.CancelAfter(TimeSpan.FromSeconds(20));
        while (Volatile.Read(ref _closed) < count) await Task.Delay(5, deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        while (_running.TryTake(out var task)) await task;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                _running.Add(ServeAsync(socket));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            await using var network = new NetworkStream(socket, ownsSocket: true);
            if (_tls is null)
            {
                await _script(new RawConnection(socket, network, _stop.Token));
                return;
            }

            await using var secure = new SslStream(network);
            await secure.AuthenticateAsServerAsync(_tls, _stop.Token);
            await _script(new RawConnection(socket, secure, _stop.Token));
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException
            or System.Security.Authentication.AuthenticationException or ObjectDisposedException)
        {
            // The sender hung up, or the test is over.
        }
        finally
        {
            Interlocked.Increment(ref _closed);
        }
    }
}

/// <summary>The receiver's end of one connection.</summary>
internal sealed class RawConnection(Socket socket, Stream stream, CancellationToken stop)
{
    private byte[] _unread = [];

    public CancellationToken Stop => stop;

    public Stream Stream => stream;

    public EndPoint? Remote => socket.RemoteEndPoint;

    /// <summary>Reads one request with a content length; null when the sender hung up instead.</summary>
    public async Task<RawRequest?> ReadRequestAsync()
    {
        var chunk = new byte[64 * 1024];
        while (true)
        {
            if (RawRequest.TryParse(_unread, out var request, out var consumed))
            {
                _unread = _unread[consumed..];
                return request;
            }

            var read = await stream.ReadAsync(chunk, stop);
            if (read == 0) return null;
            _unread = [.. _unread, .. chunk.AsSpan(0, read)];
        }
    }

    public async Task WriteAsync(string text) => await stream.WriteAsync(Encoding.Latin1.GetBytes(text), stop);

    /// <summary>Waits until the test ends.</summary>
    public Task HangAsync() => Task.Delay(Timeout.Infinite, stop);

    /// <summary>Hangs up with a reset instead of an orderly close.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Close();
    }
}

/// <summary>A request, byte for byte.</summary>
internal sealed record RawRequest(string Line, string[] HeaderLines, byte[] Body)
{
    /// <summary>The value of a header that must be there once, its bytes read as Latin-1.</summary>
    public string this[string name] =>
        HeaderLines.Single(line => NameOf(line).Equals(name, StringComparison.OrdinalIgnoreCase))[(name.Length + 1)..].Trim();

    public string[] HeaderNames => [.. HeaderLines.Select(line => NameOf(line).ToLowerInvariant())];

    public static bool TryParse(byte[] bytes, out RawRequest? request, out int consumed)
    {
        request = null;
        consumed = 0;
        var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0) return false;

        var lines = Encoding.Latin1.GetString(bytes, 0, end).Split("\r\n");
        var length = lines.Where(line => NameOf(line).Equals("content-length", StringComparison.OrdinalIgnoreCase))
            .Select(line => int.Parse(line["content-length:".Length..], System.Globalization.CultureInfo.InvariantCulture))
            .SingleOrDefault();
        consumed = end + 4 + length;
        if (bytes.Length < consumed) return false;

        request = new RawRequest(lines[0], lines[1..], bytes[(end + 4)..consumed]);
        return true;
    }

    private static string NameOf(string line) => line.Split(':', 2)[0];
}
