// A connection that tells the attempt whose request it carries where it leads.

using System.Net;
using System.Net.Sockets;

namespace Dispatcher.Sending;

/// <summary>
/// The pool hands out connections without saying which: the one that an attempt's body is written to is the one.
/// Deriving from <see cref="NetworkStream"/> rather than wrapping it keeps the handler's own short cuts for sockets.
/// </summary>
internal sealed class AddressedStream(Socket socket, IPEndPoint remote) : NetworkStream(socket, ownsSocket: true)
{
    private readonly string _remote = remote.ToString();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (AttemptRoute.Current is { } route) route.Address = _remote;
        return base.WriteAsync(buffer, cancellationToken);
    }
}
