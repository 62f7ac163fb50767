// Reads request bodies whole and bounded: in size, in time, and in what all of them hold together.

using System.Buffers;

namespace Dispatcher.Platform;

/// <summary>The bytes of a request body in a pooled buffer, which grows with what has arrived: what a client announces costs nothing.</summary>
internal sealed class RequestBytes : IDisposable
{
    private const int FirstBytes = 16 * 1024;

    private readonly BodyBudget? _budget;
    private byte[] _buffer = [];
    private int _length;

    private RequestBytes(BodyBudget budget, int capacity)
    {
        _budget = budget;
        Rent(capacity);
    }

    /// <summary>Bytes that somebody else gives back.</summary>
    private RequestBytes(RequestBytes lender) => (_buffer, _length) = (lender._buffer, lender._length);

    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>Reads the whole body.</summary>
    /// <exception cref="ProblemException">413: longer than the limit; 408: it took too long; 503: too many bodies are held already.</exception>
    public static async ValueTask<RequestBytes> ReadAsync(HttpContext context, int limit)
    {
        var announced = context.Request.ContentLength;
        if (announced > limit) throw BodyLimit.Exceeded(limit);
        if (context.Request.Body is Held held) return held.Lend(limit);

        var budget = context.RequestServices.GetRequiredService<BodyBudget>();
        var bytes = new RequestBytes(budget, (int)Math.Min(announced ?? FirstBytes, FirstBytes));
        BodyDeadline? deadline = null;
        try
        {
            var reader = context.Request.BodyReader;
            while (true)
            {
                // Most bodies have arrived with their request and need no clock.
                if (!reader.TryRead(out var read))
                {
                    deadline ??= budget.StartDeadline(context.RequestAborted);
                    read = await reader.ReadAsync(deadline.Token);
                }

                try
                {
                    bytes.Append(read.Buffer, limit, (int)(announced ?? limit));
                }
                finally
                {
                    reader.AdvanceTo(read.Buffer.End);
                }

                if (read.IsCompleted) return bytes;
            }
        }
        catch (Exception e)
        {
            bytes.Dispose();
            if (e is OperationCanceledException && deadline is { HasPassed: true }) throw deadline.Exceeded();
            throw;
        }
        finally
        {
            deadline?.Dispose();
        }
    }

    /// <summary>The same bytes as a request's body, to be read once more without a second copy. They must outlive it.</summary>
    public Stream AsBody() => new Held(this);

    public void Dispose()
    {
        if (_budget is not null) Return();
    }

    private void Append(in ReadOnlySequence<byte> arrived, int limit, int expected)
    {
        if (arrived.Length > limit - _length) throw BodyLimit.Exceeded(limit);
        var needed = _length + (int)arrived.Length;
        if (needed > _buffer.Length) Grow(Math.Max(needed, Math.Min(_buffer.Length * 2, expected)));
        arrived.CopyTo(_buffer.AsSpan(_length));
        _length = needed;
    }

    private void Grow(int capacity)
    {
        var (smaller, length) = (_buffer, _length);
        Rent(capacity);
        smaller.AsSpan(0, length).CopyTo(_buffer);
        Return(smaller);
    }

    private void Rent(int capacity)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(capacity);
        try
        {
            _budget!.Take(buffer.Length);
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }

        _buffer = buffer;
    }

    private void Return() => Return(Interlocked.Exchange(ref _buffer, []));

    private void Return(byte[] buffer)
    {
        if (buffer.Length == 0) return;
        ArrayPool<byte>.Shared.Return(buffer);
        _budget!.Give(buffer.Length);
    }

    private sealed class Held(RequestBytes bytes) : MemoryStream(bytes._buffer, 0, bytes._length, writable: false)
    {
        public RequestBytes Lend(int limit) => bytes._length > limit ? throw BodyLimit.Exceeded(limit) : new RequestBytes(bytes);
    }
}
