// Reads request bodies whole and bounded.

using System.Buffers;

namespace Dispatcher.Platform;

/// <summary>The bytes of a request body in a pooled buffer.</summary>
internal sealed class RequestBytes : IDisposable
{
    private byte[] _buffer;
    private int _length;

    private RequestBytes(int capacity) => _buffer = ArrayPool<byte>.Shared.Rent(capacity);

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>Reads the whole body; one that is longer than the limit ends the request with 413 before it is read.</summary>
    public static async ValueTask<RequestBytes> ReadAsync(HttpContext context, int limit)
    {
        var announced = context.Request.ContentLength;
        if (announced > limit) throw TooLarge(limit);

        var bytes = new RequestBytes((int)(announced + 1 ?? 4096));
        try
        {
            while (true)
            {
                if (bytes._length == bytes._buffer.Length) bytes.Grow();
                var read = await context.Request.Body.ReadAsync(bytes._buffer.AsMemory(bytes._length), context.RequestAborted);
                if (read == 0) return bytes;
                bytes._length += read;
                if (bytes._length > limit) throw TooLarge(limit);
            }
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        var buffer = Interlocked.Exchange(ref _buffer, []);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        Span.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private static ProblemException TooLarge(int limit) => Problem.TooLarge($"The body is larger than {limit} bytes.").AsException();
}
