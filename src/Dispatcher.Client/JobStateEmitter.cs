// The emitter that a job runner holds: many small events in, few large requests out.

namespace Dispatcher.Client;

/// <summary>
/// Gathers events and publishes them in batches in the background, in the order in which they came. Safe to share between threads; one for
/// the whole program is best. It does not dispose of the client.
/// </summary>
/// <remarks>
/// One batch is on its way at a time: two at once could overtake each other, and a job would be seen to complete before it began. What
/// comes in meanwhile makes the next batch, so batches grow with the load. Each event gets an <see cref="EventMessage.Id"/> when it is
/// taken in, so a batch that is sent again doubles nothing.
/// </remarks>
public sealed class JobStateEmitter : IAsyncDisposable
{
    private readonly DispatcherClient _client;
    private readonly JobStateEmitterOptions _options;
    private readonly EmissionQueue _queue;
    private readonly CancellationTokenSource _abandon = new();
    private readonly Task _loop;

    /// <summary>Starts the background loop.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public JobStateEmitter(DispatcherClient client, JobStateEmitterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new JobStateEmitterOptions();
        _options.Validate();
        _queue = new EmissionQueue(_options);
        // Without this, every request of the loop would belong to the trace that happened to be current here.
        using (ExecutionContext.SuppressFlow())
            _loop = Task.Run(RunAsync);
    }

    /// <summary>Takes an event in and waits until the server has made it durable.</summary>
    /// <param name="message">The event; without an id of its own it gets one.</param>
    /// <param name="cancellationToken">Ends the wait, not the sending: an event that was taken in is sent.</param>
    /// <exception cref="DispatcherApiException">The server refused this event.</exception>
    /// <exception cref="HttpRequestException">No server answered.</exception>
    /// <exception cref="ObjectDisposedException">The emitter was disposed of.</exception>
    public async Task<EventReceipt> EmitAsync(EventMessage message, CancellationToken cancellationToken = default)
    {
        var emission = await EnqueueAsync(message, cancellationToken).ConfigureAwait(false);
        return await emission.Durable.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Takes an event in, and waits only where too many are waiting already. Look at <see cref="Emission.Durable"/> for what became of it,
    /// or set <see cref="JobStateEmitterOptions.OnFailed"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The emitter was disposed of.</exception>
    public async ValueTask<Emission> EnqueueAsync(EventMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(message.Payload, nameof(message));
        var identified = message.Id is null ? message with { Id = NewId() } : message;
        var item = new PendingEvent(identified, _options.TimeProvider.GetTimestamp());
        await _queue.WriteAsync(item, cancellationToken).ConfigureAwait(false);
        return new Emission(identified.Id!, item.Durable.Task);
    }

    /// <summary>
    /// Sends what waits now, without lingering, and returns when each event taken in before has its answer, good or bad: the answers are in
    /// the events' own tasks.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The emitter was disposed of.</exception>
    public async Task FlushAsync(CancellationToken cancellationToken = default)
    {
        var marker = new FlushMarker();
        await _queue.WriteAsync(marker, cancellationToken).ConfigureAwait(false);
        await marker.Reached.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates a job at the server, at once and not in a batch; the server emits its events.</summary>
    /// <inheritdoc cref="DispatcherClient.CreateJobAsync" path="/exception"/>
    public Task<Job> CreateAsync(JobStart start, CancellationToken cancellationToken = default) =>
        _client.CreateJobAsync(start, cancellationToken);

    /// <summary>Moves a job at the server, at once and not in a batch; the server emits its events.</summary>
    public Task<Job> MoveAsync(string id, JobUpdate update, CancellationToken cancellationToken = default) =>
        _client.UpdateJobAsync(id, update, cancellationToken);

    /// <summary>
    /// Takes nothing more in, sends the rest, and returns when all of it has its answer; what is not out within
    /// <see cref="JobStateEmitterOptions.DrainTimeout"/> fails with <see cref="TimeoutException"/>.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (!_queue.Complete())
        {
            await _loop.ConfigureAwait(false);
            return;
        }

        try
        {
            await _loop.WaitAsync(_options.DrainTimeout, _options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            await _abandon.CancelAsync().ConfigureAwait(false);
            await _loop.ConfigureAwait(false);
        }

        _abandon.Dispose();
    }

    private async Task RunAsync()
    {
        var batch = new List<PendingEvent>();
        while (await _queue.WaitAsync().ConfigureAwait(false))
        {
            var flush = await _queue.GatherAsync(batch).ConfigureAwait(false);
            if (batch.Count > 0)
                await PublishAsync(batch).ConfigureAwait(false);
            batch.Clear();
            flush?.Reached.SetResult();
        }
    }

    private async Task PublishAsync(List<PendingEvent> batch)
    {
        try
        {
            var messages = batch.ConvertAll(pending => pending.Message);
            var outcomes = await _client.PublishBatchAsync(messages, _abandon.Token).ConfigureAwait(false);
            for (var i = 0; i < batch.Count; i++)
            {
                if (outcomes[i].Succeeded)
                    batch[i].Durable.SetResult(outcomes[i].Value!);
                else
                    Fail(batch[i], outcomes[i].Error!);
            }
        }
        catch (OperationCanceledException) when (_abandon.IsCancellationRequested)
        {
            var late = new TimeoutException(
                $"The emitter was disposed of, and the server did not take the event within {_options.DrainTimeout}.");
            batch.ForEach(pending => Fail(pending, late));
        }
        catch (Exception e)
        {
            // Whatever it is, it belongs to these events' callers; the loop goes on with the next ones.
            batch.ForEach(pending => Fail(pending, e));
        }
    }

    private void Fail(PendingEvent pending, Exception failure)
    {
        try
        {
            _options.OnFailed?.Invoke(pending.Message, failure);
            pending.Durable.TrySetException(failure);
        }
        catch (Exception e)
        {
            pending.Durable.TrySetException([failure, e]);
        }

        // Told through OnFailed, it need not be told again as an unobserved exception.
        if (_options.OnFailed is not null)
            _ = pending.Durable.Task.Exception;
    }

    private string NewId() => $"emit_{Guid.CreateVersion7(_options.TimeProvider.GetUtcNow()):N}";
}
