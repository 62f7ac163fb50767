// The body of a webhook.

using System.Net;

namespace Dispatcher.Sending;

/// <summary>Writes the payload as it is, and marks the moment from which on what is written belongs to this attempt.</summary>
internal sealed class PayloadContent : HttpContent
{
    private readonly ReadOnlyMemory<byte> _payload;
    private readonly AttemptRoute _route;

    public PayloadContent(ReadOnlyMemory<byte> payload, AttemptRoute route)
    {
        _payload = payload;
        _route = route;
        Headers.TryAddWithoutValidation("content-type", "application/json");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    // Not async: the route has to stay current after the return, for the handler's own flush of what is buffered here.
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        AttemptRoute.Current = _route;
        return stream.WriteAsync(_payload, cancellationToken).AsTask();
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _payload.Length;
        return true;
    }
}
