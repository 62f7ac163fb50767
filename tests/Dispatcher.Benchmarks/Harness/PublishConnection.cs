// One keep-alive HTTP/1.1 connection with one request at a time on it, over a bare socket: a fraction of an HttpClient's cost.
using System.Buffers.Text;
using System.Net.Sockets;
using System.Text;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class PublishConnection : IDisposable
{
    private const int BufferBytes = 64 * 1024, ShownBytes = 600;

    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;
    private static ReadOnlySpan<byte> LengthHeader => "\r\ncontent-length:"u8;
    private static ReadOnlySpan<byte> LastChunk => "0\r\n\r\n"u8;

    private readonly NetworkStream _stream;
    private readonly byte[] _buffer = new byte[BufferBytes];

    private PublishConnection(Socket socket) => _stream = new NetworkStream(socket, ownsSocket: true);

    public static async Task<PublishConnection> OpenAsync(ServerProcess server, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.EndPoint, cancellationToken);
            return new PublishConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and reads its whole answer.</summary>
    /// <exception cref="InvalidOperationException">The answer is not 202, or it names an error of an item.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        await _stream.WriteAsync(request, cancellationToken);
        var length = 0;
        do
        {
            var read = await _stream.ReadAsync(_buffer.AsMemory(length), cancellationToken);
            if (read == 0) throw new InvalidOperationException("The server closed a connection in the middle of an answer.");
            length += read;
        }
        while (!IsWhole(_buffer.AsSpan(0, length)));

        Check(_buffer.AsSpan(0, length));
    }

    public void Dispose() => _stream.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var headEnd = answer.IndexOf(HeadEnd);
        if (headEnd < 0) return false;
        var bodyLength = answer.Length - headEnd - HeadEnd.Length;
        // One answer at a time and compact JSON in it: nothing but the end looks like the last chunk.
        return ContentLength(answer[..headEnd]) is { } expected ? bodyLength >= expected : answer[headEnd..].EndsWith(LastChunk);
    }

    private static int? ContentLength(ReadOnlySpan<byte> head)
    {
        for (var line = head.IndexOf("\r\n"u8); line >= 0 && line + LengthHeader.Length < head.Length;)
        {
            var rest = head[line..];
            if (Ascii.EqualsIgnoreCase(rest[..LengthHeader.Length], LengthHeader))
                return Utf8Parser.TryParse(rest[LengthHeader.Length..].TrimStart((byte)' '), out int length, out _) ? length : null;
            var next = rest[2..].IndexOf("\r\n"u8);
            line = next < 0 ? -1 : line + 2 + next;
        }

        return null;
    }

    private static void Check(ReadOnlySpan<byte> answer)
    {
        if (answer.StartsWith("HTTP/1.1 202 "u8) && answer.IndexOf("\"error\""u8) < 0) return;
        var shown = Encoding.UTF8.GetString(answer[..Math.Min(answer.Length, ShownBytes)]);
        throw new InvalidOperationException($"Publishing was answered with: {shown}");
    }
}
