// How a JobStateEmitter gathers its batches.

namespace Dispatcher.Client;

/// <summary>When a batch goes out (whichever limit comes first), and how much may wait.</summary>
public sealed record JobStateEmitterOptions
{
    /// <summary>The most events in a batch: 1 to 1,000. Default: 1,000.</summary>
    public int MaxBatchEvents { get; init; } = DispatcherClient.MaxBatchItems;

    /// <summary>The most payload bytes in a batch; a payload that is larger goes alone. Default: 256 KiB.</summary>
    public int MaxBatchBytes { get; init; } = 256 * 1024;

    /// <summary>How long the first event of a batch waits for company: up to a minute; zero: not at all. Default: 20 ms.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// How many events may wait beside the batch that is on its way; with that many waiting, callers wait. Default: 10,000.
    /// </summary>
    public int Capacity { get; init; } = 10_000;

    /// <summary>
    /// How long <see cref="JobStateEmitter.DisposeAsync"/> tries to get the rest out before it fails it. Default: 30 seconds.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Called for each event that the server did not take, for callers that do not look at <see cref="Emission.Durable"/>. It runs on the
    /// emitter's own loop: keep it short. What it throws joins the event's failure.
    /// </summary>
    public Action<EventMessage, Exception>? OnFailed { get; init; }

    /// <summary>The clock of <see cref="Linger"/> and <see cref="DrainTimeout"/>.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchEvents, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxBatchEvents, DispatcherClient.MaxBatchItems);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatchBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Linger, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Linger, TimeSpan.FromMinutes(1));
        ArgumentOutOfRangeException.ThrowIfLessThan(Capacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(DrainTimeout, TimeSpan.Zero);
    }
}

/// <summary>An event in the emitter's hands.</summary>
/// <param name="Id">Its dedupe id: the message's own, or the one that the emitter gave it.</param>
/// <param name="Durable">
/// Completes when the server has made the event durable. Fails with <see cref="DispatcherApiException"/> where the server refused it,
/// <see cref="HttpRequestException"/> where no server answered, <see cref="TimeoutException"/> where the emitter was disposed of too soon.
/// </param>
public sealed record Emission(string Id, Task<EventReceipt> Durable);
