// A whole POST /events or /events/batch request, made once; a send only writes new payloads into it. The generator shares the cores
// with what it measures, so it may cost next to nothing.
using System.Diagnostics;
using System.Text;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class PublishRequest
{
    private readonly byte[] _bytes;
    private readonly int _firstPayload;

    private PublishRequest(string path, ServerProcess server, string type, int items, bool array)
    {
        Items = items;
        var itemStart = Encoding.ASCII.GetBytes($$"""{"type":"{{type}}","payload":""");
        var itemLength = itemStart.Length + Payload.Length + 1;
        var bodyLength = items * itemLength + (array ? items + 1 : 0); // brackets, and commas between
        var head = Encoding.ASCII.GetBytes(
            $"""
            POST {path} HTTP/1.1
            Host: {server.EndPoint}
            Authorization: Bearer {server.OperatorKey}
            Content-Type: application/json
            Content-Length: {bodyLength}


            """.ReplaceLineEndings("\r\n"));
        _bytes = new byte[head.Length + bodyLength];
        head.CopyTo(_bytes, 0);

        var position = head.Length;
        if (array) _bytes[position++] = (byte)'[';
        _firstPayload = position + itemStart.Length;
        for (var item = 0; item < items; item++)
        {
            itemStart.CopyTo(_bytes, position);
            position += itemLength;
            _bytes[position - 1] = (byte)'}';
            if (array) _bytes[position++] = (byte)(item == items - 1 ? ']' : ',');
        }

        Stride = itemLength + (array ? 1 : 0);
    }

    /// <summary>Events in the request.</summary>
    public int Items { get; }

    private int Stride { get; }

    public static PublishRequest Single(ServerProcess server, string type) => new("/events", server, type, items: 1, array: false);

    /// <summary>Events of one type: the requests of a round differ in nothing but their payloads.</summary>
    public static PublishRequest Batch(ServerProcess server, string type, int items) => new("/events/batch", server, type, items, array: true);

    /// <summary>The request with the events <paramref name="first"/> and following of a round, stamped with the present time.</summary>
    public ReadOnlyMemory<byte> Fill(int round, int first)
    {
        var now = Stopwatch.GetTimestamp();
        for (var item = 0; item < Items; item++)
            Payload.Write(_bytes.AsSpan(_firstPayload + item * Stride, Payload.Length), round, first + item, now);
        return _bytes;
    }
}
