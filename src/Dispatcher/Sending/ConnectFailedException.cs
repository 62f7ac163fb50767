// A TCP connection that did not come about.

using System.Net;
using System.Net.Sockets;

namespace Dispatcher.Sending;

/// <summary>Connecting to one address failed.</summary>
internal sealed class ConnectFailedException(IPEndPoint endPoint, SocketError error, Exception cause)
    : IOException($"Connecting to {endPoint} failed: {error}.", cause)
{
    public IPEndPoint EndPoint { get; } = endPoint;

    public SocketError Error { get; } = error;
}
