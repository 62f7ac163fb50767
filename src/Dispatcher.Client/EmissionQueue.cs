// The emitter's waiting room: bounded, in order, and emptied a batch at a time.

using System.Threading.Channels;

namespace Dispatcher.Client;

/// <summary>Holds what waits to be sent and decides what goes together. Many write, one gathers.</summary>
internal sealed class EmissionQueue(JobStateEmitterOptions options)
{
    private readonly Channel<QueueItem> _items =
        Channel.CreateBounded<QueueItem>(new BoundedChannelOptions(options.Capacity) { SingleReader = true });

    /// <summary>Puts an item at the end, and waits while there is no room.</summary>
    /// <exception cref="ObjectDisposedException">The queue takes nothing more in.</exception>
    public async ValueTask WriteAsync(QueueItem item, CancellationToken cancellationToken)
    {
        try
        {
            await _items.Writer.WriteAsync(item, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(JobStateEmitter));
        }
    }

    /// <summary>Takes nothing more in; what is in can still be gathered. <c>false</c>: so it was already.</summary>
    public bool Complete() => _items.Writer.TryComplete();

    /// <summary>Waits for the next item; <c>false</c>: none will ever come.</summary>
    public ValueTask<bool> WaitAsync() => _items.Reader.WaitToReadAsync();

    /// <summary>
    /// Fills the batch with what is there and what still comes, until a limit, the end of the linger or a flush; returns the flush that
    /// ended it. To be called when <see cref="WaitAsync"/> has said that something is there.
    /// </summary>
    public async Task<FlushMarker?> GatherAsync(List<PendingEvent> batch)
    {
        var bytes = 0L;
        do
        {
            while (_items.Reader.TryPeek(out var next))
            {
                if (next is FlushMarker flush)
                {
                    _items.Reader.TryRead(out _);
                    return flush;
                }

                var pending = (PendingEvent)next;
                bytes += pending.Message.Payload.Utf8.Length;
                if (batch.Count > 0 && bytes > options.MaxBatchBytes)
                    return null;

                _items.Reader.TryRead(out _);
                batch.Add(pending);
                if (batch.Count == options.MaxBatchEvents)
                    return null;
            }
        }
        while (await MoreComesAsync(batch[0]).ConfigureAwait(false));

        return null;
    }

    /// <summary>
    /// Waits for another item while the batch's first one may still linger. The time that it has spent behind an earlier batch counts, so
    /// under load nothing waits for nothing.
    /// </summary>
    private async Task<bool> MoreComesAsync(PendingEvent first)
    {
        var rest = options.Linger - options.TimeProvider.GetElapsedTime(first.TakenInAt);
        if (rest <= TimeSpan.Zero)
            return false;

        using var linger = new CancellationTokenSource(rest, options.TimeProvider);
        var more = _items.Reader.WaitToReadAsync(linger.Token).AsTask();
        // The linger's end is the usual outcome, too usual for an exception.
        await ((Task)more).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return more.IsCompletedSuccessfully && await more.ConfigureAwait(false);
    }
}

internal abstract class QueueItem;

/// <summary>An event and the promise that its caller holds.</summary>
internal sealed class PendingEvent(EventMessage message, long takenInAt) : QueueItem
{
    public EventMessage Message => message;

    /// <summary>The clock's timestamp when it was taken in.</summary>
    public long TakenInAt => takenInAt;

    public TaskCompletionSource<EventReceipt> Durable { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Stands in the queue behind what it flushes.</summary>
internal sealed class FlushMarker : QueueItem
{
    public TaskCompletionSource Reached { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
