// Accepts events: concurrent callers share one commit, and each is answered once its event and its deliveries are durable.

using System.Threading.Channels;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Intake;

/// <summary>The way in for events. A batch is whatever has gathered while the batch before it was committing: large under load, one event when idle.</summary>
internal sealed partial class EventIntake(
    NpgsqlDataSource source, LaneSet lanes, NodeRegistry node, Counters counters, Wakeup wakeup, ILogger<EventIntake> logger) : BackgroundService
{
    // Two writers: while one waits for its commit to reach the disk, the other fills and sends the next batch.
    private const int Writers = 2;
    private const int MaxBatchEvents = 500;
    private const int MaxBatchBytes = 8 * 1024 * 1024;

    /// <summary>Events that may wait for a commit; beyond it callers are told to come back (429).</summary>
    private const int MaxWaitingEvents = 20_000;
    private const long MaxWaitingBytes = 128 * 1024 * 1024;

    private readonly Channel<Group> _waiting = Channel.CreateUnbounded<Group>();
    private long _waitingBytes;
    private int _waitingEvents;

    /// <summary>Makes events durable together with their deliveries; answers in the order given.</summary>
    public async Task<Accepted[]> AcceptAsync(IReadOnlyList<NewEvent> events, CancellationToken ct)
    {
        var bytes = events.Sum(e => (long)e.Payload.Length);
        if (Volatile.Read(ref _waitingEvents) > MaxWaitingEvents || Volatile.Read(ref _waitingBytes) > MaxWaitingBytes)
        {
            throw new ProblemException(Problem.Busy("More events arrive than the database takes; nothing of this request was stored."))
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            };
        }

        Interlocked.Add(ref _waitingEvents, events.Count);
        Interlocked.Add(ref _waitingBytes, bytes);
        var group = new Group(events, bytes);
        if (!_waiting.Writer.TryWrite(group)) throw Problem.Unavailable("The server is shutting down; nothing was stored.").AsException();
        return await group.Answer.Task.WaitAsync(ct);
    }

    /// <summary>Accepts inside a transaction of the caller's, who then commits by <see cref="CommitAsync"/>.</summary>
    public static Task<AcceptedBatch> AcceptWithinAsync(
        IReadOnlyList<NewEvent> events, Holding holding, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct) =>
        AcceptStatement.ExecuteAsync(events, holding, connection, transaction, ct);

    /// <summary>Commits a transaction that accepted a batch, and sends what the batch made.</summary>
    public async Task CommitAsync(Func<CancellationToken, Task> commit, AcceptedBatch batch, Holding holding)
    {
        try
        {
            // Not cancelled with the request: a commit whose outcome nobody waited for would leave rows in nobody's memory.
            await commit(CancellationToken.None);
        }
        catch
        {
            if (holding.Owner is { } owner) node.Retire(owner);
            throw;
        }

        Committed(batch);
    }

    private void Committed(AcceptedBatch batch)
    {
        lanes.Enqueue(batch.Owned);
        if (batch.Unowned.Length > 0) wakeup.Tell(batch.Unowned);
        batch.CountIn(counters);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(WriteBatchesAsync, CancellationToken.None)));

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The web server has stopped by now: what waits is written, and nothing more comes.
        _waiting.Writer.TryComplete();
        if (ExecuteTask is not null) await ExecuteTask.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    private async Task WriteBatchesAsync()
    {
        var groups = new List<Group>();
        var events = new List<NewEvent>();
        while (await _waiting.Reader.WaitToReadAsync())
        {
            Gather(groups, events);
            if (groups.Count == 0) continue;
            await WriteAsync(groups, events);
            Interlocked.Add(ref _waitingEvents, -events.Count);
            Interlocked.Add(ref _waitingBytes, -groups.Sum(g => g.Bytes));
            groups.Clear();
            events.Clear();
        }
    }

    private void Gather(List<Group> groups, List<NewEvent> events)
    {
        var bytes = 0L;
        while (events.Count < MaxBatchEvents && bytes < MaxBatchBytes && _waiting.Reader.TryRead(out var group))
        {
            groups.Add(group);
            events.AddRange(group.Events);
            bytes += group.Bytes;
        }
    }

    private async Task WriteAsync(List<Group> groups, List<NewEvent> events)
    {
        using var holding = lanes.Hold();
        try
        {
            AcceptedBatch batch;
            await using (var connection = await source.OpenConnectionAsync())
            {
                batch = await AcceptStatement.ExecuteAsync(events, holding, connection, null, CancellationToken.None);
            }

            Committed(batch);
            var from = 0;
            foreach (var group in groups)
            {
                group.Answer.TrySetResult(batch.Answers[from..(from + group.Events.Count)]);
                from += group.Events.Count;
            }
        }
        catch (PostgresException e) when (groups.Count > 1 && !StoreFault.IsUnavailable(e))
        {
            // Somebody's event cannot be stored: find out whose, so that the others' are.
            LogBatchRefused(events.Count, e.MessageText);
            foreach (var group in groups) await WriteAsync([group], [.. group.Events]);
        }
        catch (Exception e)
        {
            // The commit may have happened or not. Rows that it left to this node are in nobody's memory, so the node takes a
            // new identity, and the old one's rows are freed once what it holds in memory is done.
            if (holding.Owner is { } owner && (e is not PostgresException || StoreFault.IsUnavailable(e))) node.Retire(owner);
            LogBatchFailed(events.Count, e.Message);
            foreach (var group in groups) group.Answer.TrySetException(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A batch of {Events} events was refused and is retried one by one: {Reason}")]
    private partial void LogBatchRefused(int events, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "A batch of {Events} events could not be stored: {Reason}")]
    private partial void LogBatchFailed(int events, string reason);

    /// <summary>One caller's events: answered together, and never split over two batches, so that they are all stored or none.</summary>
    private sealed record Group(IReadOnlyList<NewEvent> Events, long Bytes)
    {
        public TaskCompletionSource<Accepted[]> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
