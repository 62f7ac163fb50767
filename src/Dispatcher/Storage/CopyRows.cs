// Rows in the binary format of COPY (PostgreSQL's manual, "COPY", section "Binary Format"): the quickest way in for many rows of one table.

using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Npgsql;

namespace Dispatcher.Storage;

/// <summary>Encodes rows and hands them to PostgreSQL. Each row is begun with the number of its fields, which follow in the order of the columns.</summary>
internal sealed class CopyRows : IDisposable
{
    private const int InitialBytes = 256 * 1024;
    private const int Null = -1;

    // Signature, flags, and the length of an extension that is not there.
    private static readonly byte[] Header = [.. "PGCOPY\n"u8, 0xff, .. "\r\n\0"u8, 0, 0, 0, 0, 0, 0, 0, 0];
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(InitialBytes);
    private int _length;

    public CopyRows() => Header.CopyTo(Take(Header.Length));

    /// <summary>Begins a row.</summary>
    public void Row(short fields) => BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), fields);

    public void Add(Guid value) => value.TryWriteBytes(Field(16), bigEndian: true, out _);

    public void Add(short? value)
    {
        if (value is { } number) BinaryPrimitives.WriteInt16BigEndian(Field(sizeof(short)), number);
        else AddNull();
    }

    public void Add(int value) => BinaryPrimitives.WriteInt32BigEndian(Field(sizeof(int)), value);

    public void Add(long value) => BinaryPrimitives.WriteInt64BigEndian(Field(sizeof(long)), value);

    public void Add(DateTimeOffset value) => Add((value - Epoch).Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>Adds text. Halves of surrogate pairs become U+FFFD; so does NUL, which PostgreSQL's text cannot hold.</summary>
    public void Add(string? value)
    {
        if (value is null)
        {
            AddNull();
            return;
        }

        if (value.Contains('\0', StringComparison.Ordinal)) value = value.Replace('\0', '\uFFFD');
        Reserve(sizeof(int) + Encoding.UTF8.GetMaxByteCount(value.Length));
        var bytes = Encoding.UTF8.GetBytes(value, _buffer.AsSpan(_length + sizeof(int)));
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(_length), bytes);
        _length += sizeof(int) + bytes;
    }

    public void Add(ReadOnlySpan<byte> value) => value.CopyTo(Field(value.Length));

    public void AddNull() => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), Null);

    /// <summary>Sends the rows.</summary>
    /// <param name="connection">Where to; a transaction of the caller's decides whether they stay.</param>
    /// <param name="copy">A <c>COPY … FROM STDIN (FORMAT BINARY)</c> of the columns that were added.</param>
    /// <param name="ct">Gives up.</param>
    public async Task SendAsync(NpgsqlConnection connection, string copy, CancellationToken ct)
    {
        BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), -1);
        await using var stream = await connection.BeginRawBinaryCopyAsync(copy, ct);
        await stream.WriteAsync(_buffer.AsMemory(0, _length), ct);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private Span<byte> Field(int bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), bytes);
        return Take(bytes);
    }

    private Span<byte> Take(int bytes)
    {
        Reserve(bytes);
        _length += bytes;
        return _buffer.AsSpan(_length - bytes, bytes);
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _length >= bytes) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + bytes));
        _buffer.AsSpan(0, _length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
