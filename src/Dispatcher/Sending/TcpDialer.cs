// Opens TCP connections to addresses that are already known to be allowed.

using System.Net;
using System.Net.Sockets;

namespace Dispatcher.Sending;

/// <summary>Connects to a host by its addresses, one after the other.</summary>
internal static class TcpDialer
{
    // An address that swallows packets must not use up the attempt's whole timeout while another one would answer.
    private static readonly TimeSpan PatienceWithOthersLeft = TimeSpan.FromSeconds(3);

    /// <exception cref="ConnectFailedException">The last address failed; so did those before it.</exception>
    public static async ValueTask<Stream> ConnectAsync(IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        foreach (var address in addresses[..^1])
        {
            try
            {
                return await ConnectAsync(new IPEndPoint(address, port), PatienceWithOthersLeft, cancellationToken);
            }
            catch (ConnectFailedException)
            {
                // The next one may answer.
            }
        }

        return await ConnectAsync(new IPEndPoint(addresses[^1], port), Timeout.InfiniteTimeSpan, cancellationToken);
    }

    private static async Task<Stream> ConnectAsync(IPEndPoint endPoint, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(patience);
        Socket? socket = null;
        // An IPv4 address in IPv6 form is reached by IPv4: a socket for IPv6 alone finds no way there.
        if (endPoint.Address.IsIPv4MappedToIPv6) endPoint = new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port);
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(endPoint, limit.Token);
            return new AddressedStream(socket, endPoint);
        }
        catch (Exception exception)
        {
            socket?.Dispose();
            throw exception switch
            {
                SocketException failure => new ConnectFailedException(endPoint, failure.SocketErrorCode, failure),
                OperationCanceledException when !cancellationToken.IsCancellationRequested =>
                    new ConnectFailedException(endPoint, SocketError.TimedOut, exception),
                _ => exception,
            };
        }
    }
}
