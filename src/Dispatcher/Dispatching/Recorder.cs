// Records attempts in batches: whatever has finished while the batch before it was committing.

using System.Threading.Channels;
using Dispatcher.Intake;
using Dispatcher.Platform;
using Dispatcher.Sending;
using Npgsql;

namespace Dispatcher.Dispatching;

internal sealed partial class Recorder(
    NpgsqlDataSource source, Consequences consequences, Unrecordable unrecordable, AttemptCount count, Wakeup wakeup, TimeProvider time,
    ILogger<Recorder> logger) : BackgroundService
{
    private const int Writers = 2;
    private const int MaxBatch = 1000;
    private const long MaxBatchBytes = 4 * 1024 * 1024;

    /// <summary>A statement for fewer attempts than this waits for more: nobody waits for a record, except the next of an ordered key.</summary>
    private const int WorthWriting = 300;

    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromMilliseconds(500);

    // Bounded: when the database is slower than the receivers, pumps wait here instead of sending more.
    private readonly Channel<FinishedAttempt> _finished = Channel.CreateBounded<FinishedAttempt>(5000);
    private readonly Channel<Delivery> _givenBack = Channel.CreateUnbounded<Delivery>();
    private readonly CancellationTokenSource _giveUp = new();

    /// <summary>Hands an attempt over. The delivery counts as held until it is durable.</summary>
    /// <param name="attempt">The attempt.</param>
    /// <param name="ct">Ends the wait for room, when the host waits no longer: the attempt is not recorded then.</param>
    public ValueTask RecordAsync(FinishedAttempt attempt, CancellationToken ct) =>
        _finished.Writer.TryWrite(attempt) ? ValueTask.CompletedTask : _finished.Writer.WriteAsync(attempt, ct);

    /// <summary>Hands a delivery back unsent.</summary>
    public void GiveBack(Delivery delivery) => _givenBack.Writer.TryWrite(delivery);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll([Task.Run(GiveBackAsync, CancellationToken.None), .. Enumerable.Range(0, Writers).Select(_ => Task.Run(RecordAsync, CancellationToken.None))]);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The lanes have stopped by now: what they left here is written, for as long as the host waits.
        _finished.Writer.TryComplete();
        _givenBack.Writer.TryComplete();
        await using (cancellationToken.Register(_giveUp.Cancel))
        {
            if (ExecuteTask is not null) await ExecuteTask.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _giveUp.Dispose();
        base.Dispose();
    }

    private async Task RecordAsync()
    {
        var batch = new List<FinishedAttempt>(MaxBatch);
        while (await _finished.Reader.WaitToReadAsync())
        {
            Gather(batch);
            if (batch.Count == 0) continue;
            if (batch.Count < WorthWriting && !batch.Exists(a => a.Settings.Ordered))
            {
                await Task.Delay(Linger, time, _giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Gather(batch);
            }

            foreach (var part in OncePerDelivery(batch))
            {
                await WriteUntilDurableAsync(part);
                foreach (var attempt in part) attempt.Delivery.Owner.LetGo(1);
            }

            batch.Clear();
        }
    }

    private void Gather(List<FinishedAttempt> batch)
    {
        var bytes = batch.Sum(BytesOf);
        while (batch.Count < MaxBatch && bytes < MaxBatchBytes && _finished.Reader.TryRead(out var attempt))
        {
            batch.Add(attempt);
            bytes += BytesOf(attempt);
        }
    }

    /// <summary>What a receiver said: nearly all that the size of a record depends on.</summary>
    private static long BytesOf(FinishedAttempt attempt) => attempt.Result.ResponseBody.Length + (attempt.Result.ResponseHeaders?.Length ?? 0);

    /// <summary>
    /// The batch in parts that hold each delivery at most once. Two attempts of one are a rarity: its node was taken for dead in the
    /// middle of the first, and then claimed it again itself. Which of the two the row belongs to must be asked of each alone.
    /// </summary>
    internal static List<List<FinishedAttempt>> OncePerDelivery(List<FinishedAttempt> batch)
    {
        var seen = new HashSet<Guid>(batch.Count);
        if (batch.TrueForAll(attempt => seen.Add(attempt.Delivery.Id))) return [batch];
        return [.. batch.GroupBy(a => a.Delivery.Id).SelectMany(g => g.Select((attempt, n) => (attempt, n)))
            .GroupBy(x => x.n, x => x.attempt).Select(g => g.ToList())];
    }

    private async Task WriteUntilDurableAsync(List<FinishedAttempt> batch)
    {
        while (!_giveUp.IsCancellationRequested)
        {
            try
            {
                await WriteAsync(batch);
                return;
            }
            catch (PostgresException e) when (!StoreFault.IsUnavailable(e) && !e.IsTransient)
            {
                if (batch.Count == 1)
                {
                    if (await TryFinishAsync(batch[0], e)) return;
                    continue;
                }

                // One attempt that cannot be stored must not hold up the others.
                foreach (var attempt in batch) await WriteUntilDurableAsync([attempt]);
                return;
            }
            catch (Exception e)
            {
                LogRecordFailed(batch.Count, e.Message);
                await Task.Delay(RetryEvery, time, _giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        LogGivenUp(batch.Count);
    }

    private async Task<bool> TryFinishAsync(FinishedAttempt attempt, PostgresException refusal)
    {
        try
        {
            await unrecordable.FinishAsync(attempt, refusal, WriteAsync, _giveUp.Token);
            return true;
        }
        catch (Exception e)
        {
            LogRecordFailed(1, e.Message);
            await Task.Delay(RetryEvery, time, _giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }
    }

    private async Task WriteAsync(List<FinishedAttempt> batch)
    {
        await using (var connection = await source.OpenConnectionAsync(_giveUp.Token))
        {
            var orphans = new HashSet<Guid>();
            while (!await TryWriteAsync(batch, orphans, connection))
            {
            }
        }

        Announce(batch);
    }

    /// <summary>Records the batch, but for its orphans, as one transaction. False when there are more orphans than was known: to be tried again.</summary>
    private async Task<bool> TryWriteAsync(List<FinishedAttempt> batch, HashSet<Guid> orphans, NpgsqlConnection connection)
    {
        var known = orphans.Count;
        var ours = known == 0 ? batch : batch.FindAll(a => !orphans.Contains(a.Delivery.Id));
        AcceptedBatch? emitted = null;
        try
        {
            await using var transaction = await connection.BeginTransactionAsync(_giveUp.Token);
            await RecordStatement.BeginAsync(connection, transaction, _giveUp.Token);
            if (known > 0)
                await RecordStatement.RecordOrphansAsync(batch.FindAll(a => orphans.Contains(a.Delivery.Id)), connection, transaction, _giveUp.Token);
            orphans.UnionWith(await RecordStatement.RecordAsync(ours, connection, transaction, _giveUp.Token));
            if (orphans.Count > known) return false;
            var consequential = ours.FindAll(a => a.HasConsequences);
            if (consequential.Count > 0) emitted = await consequences.FollowAsync(consequential, connection, transaction, _giveUp.Token);
            await transaction.CommitAsync(_giveUp.Token);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            orphans.UnionWith(await RecordStatement.FindOrphansAsync(ours, connection, _giveUp.Token));
            if (orphans.Count > known) return false;
            throw;
        }

        if (emitted is not null) consequences.Committed(emitted);
        await count.AddAsync(batch, orphans, connection, _giveUp.Token);
        return true;
    }

    private void Announce(List<FinishedAttempt> batch)
    {
        foreach (var attempt in batch)
        {
            // The next of an ordered key may go.
            if (attempt.RetryIn is { } wait) wakeup.AskAt(attempt.Delivery.IntegrationId, time.GetUtcNow() + wait);
            else if (attempt.Settings.Ordered) wakeup.Ask(attempt.Delivery.IntegrationId);
            if (attempt.Result.Outcome == SendOutcome.Succeeded)
            {
                LogSucceeded(Ids.Format(Ids.Delivery, attempt.Delivery.Id), attempt.Number, attempt.Result.Latency.TotalMilliseconds);
            }
            else
            {
                LogAttemptFailed(
                    Ids.Format(Ids.Delivery, attempt.Delivery.Id), Ids.Format(Ids.Integration, attempt.Delivery.IntegrationId), attempt.Number,
                    SendOutcomes.ToName(attempt.Result.Outcome), attempt.Result.StatusCode,
                    attempt.RetryIn is { } next ? $"retry in {next.TotalSeconds:0.0} s" : "no attempt left");
            }
        }
    }

    private async Task GiveBackAsync()
    {
        var batch = new List<Delivery>(MaxBatch);
        while (await _givenBack.Reader.WaitToReadAsync())
        {
            while (batch.Count < MaxBatch && _givenBack.Reader.TryRead(out var delivery)) batch.Add(delivery);
            while (!_giveUp.IsCancellationRequested)
            {
                try
                {
                    await using var connection = await source.OpenConnectionAsync(_giveUp.Token);
                    await RecordStatement.GiveBackAsync(batch, connection, _giveUp.Token);
                    break;
                }
                catch (Exception e)
                {
                    LogRecordFailed(batch.Count, e.Message);
                    await Task.Delay(RetryEvery, time, _giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }

            foreach (var delivery in batch) delivery.Owner.LetGo(1);
            // Another node may have the permits, or the time, that this one has not.
            wakeup.Tell([.. batch.Select(d => d.IntegrationId).Distinct()]);
            batch.Clear();
        }
    }

    // IsEnabled first: at tens of thousands a second even the ids would cost.
    private void LogSucceeded(string delivery, int attempt, double milliseconds)
    {
        if (logger.IsEnabled(LogLevel.Debug)) LogAttemptSucceeded(delivery, attempt, milliseconds);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Delivery} attempt {Attempt} succeeded after {Milliseconds} ms")]
    private partial void LogAttemptSucceeded(string delivery, int attempt, double milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Delivery} to {Integration}: attempt {Attempt} failed: {Outcome} (status {Status}); {Next}")]
    private partial void LogAttemptFailed(string delivery, string integration, int attempt, string outcome, int? status, string next);

    [LoggerMessage(Level = LogLevel.Error, Message = "Recording {Count} attempts failed and is tried again: {Reason}")]
    private partial void LogRecordFailed(int count, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} attempts could not be recorded before the shutdown's deadline; their deliveries will be sent again")]
    private partial void LogGivenUp(int count);
}
