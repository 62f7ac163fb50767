// Adds what this node has counted to the database: every few seconds, before statistics are read, and when it stops.

using Npgsql;

namespace Dispatcher.Statistics;

/// <summary>
/// Flushes <see cref="Counters"/>. Each count gets to the database once: a flush that failed is tried again under its number, and the
/// database knows the last one. A process that is killed takes with it what it counted since the last.
/// </summary>
internal sealed partial class CounterFlush(NpgsqlDataSource source, Counters counters, TimeProvider time, ILogger<CounterFlush> logger) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    /// <summary>With very many integrations at work flushes come less often, so that they never take more than a tenth of the time.</summary>
    private const int RestPerWork = 9;

    private const int TriesAtTheEnd = 3;

    private readonly Guid _writer = Guid.NewGuid();
    private readonly SemaphoreSlim _one = new(1, 1);
    private List<CounterRow>? _pending;
    private long _flush;
    private long _begun;

    /// <summary>Flushes what has been counted up to now. A failure is logged, and what was not flushed is kept for the next time.</summary>
    /// <returns>Whether all of it is in the database.</returns>
    public async Task<bool> FlushAsync(CancellationToken ct)
    {
        var begun = Volatile.Read(ref _begun);
        await _one.WaitAsync(ct);
        try
        {
            // One that began after this call has flushed this caller's counts too.
            if (_pending is null && _begun > begun) return true;
            Volatile.Write(ref _begun, _begun + 1);
            if (_pending is not null) await WritePendingAsync(ct);
            if (counters.Take() is { } rows)
            {
                (_pending, _flush) = (rows, _flush + 1);
                await WritePendingAsync(ct);
            }

            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            LogFailed(e.Message);
            return false;
        }
        finally
        {
            _one.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var rest = Every;
        while (true)
        {
            await Task.Delay(rest, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested) return;
            var began = time.GetTimestamp();
            await FlushAsync(CancellationToken.None);
            var work = time.GetElapsedTime(began) * RestPerWork;
            rest = work > Every ? work : Every;
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        // The recorder has stopped by now: these are the last counts.
        try
        {
            for (var tries = 0; tries < TriesAtTheEnd && !await FlushAsync(cancellationToken); tries++)
                await Task.Delay(TimeSpan.FromSeconds(1), time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            LogGivenUp();
        }
    }

    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    private async Task WritePendingAsync(CancellationToken ct)
    {
        await FlushStatement.ExecuteAsync(_writer, _flush, _pending!, source, ct);
        _pending = null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Flushing the counters failed and is tried again: {Reason}")]
    private partial void LogFailed(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The last counts could not be flushed before the shutdown's deadline; statistics miss them")]
    private partial void LogGivenUp();
}
