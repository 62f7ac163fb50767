// A bare connection to the PostgreSQL of a connection string, for tests that stand between it and the server.

using System.Net.Sockets;
using Npgsql;

namespace Dispatcher.Tests.Support;

internal static class PostgresSocket
{
    /// <summary>Connects, by the Unix socket in a folder or by TCP: PostgreSQL may be a child of the tests or run in a container.</summary>
    public static async Task<Socket> ConnectAsync(NpgsqlConnectionStringBuilder to, CancellationToken ct)
    {
        var isFolder = Path.IsPathRooted(to.Host);
        var socket = isFolder
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (isFolder) await socket.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(to.Host!, $".s.PGSQL.{to.Port}")), ct);
            else await socket.ConnectAsync(to.Host!, to.Port, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
