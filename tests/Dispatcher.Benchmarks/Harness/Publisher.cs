// The load: events published in the three ways that callers publish them.
using System.Collections.Concurrent;
using System.Diagnostics;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>Publishes rounds of numbered events to one server; connections stay open from round to round.</summary>
internal sealed class Publisher(ServerProcess server) : IDisposable
{
    public const int BatchSize = 100, BatchConnections = 8, SingleConnections = 64;

    private readonly ConcurrentBag<PublishConnection> _opened = [], _idle = [];

    /// <summary>POST /events/batch, arrays of 100 on 8 connections.</summary>
    public Task BatchesAsync(int round, int count, CancellationToken cancellationToken) =>
        ClosedLoopAsync(round, count, BatchConnections, BatchSize, size => PublishRequest.Batch(server, size), cancellationToken);

    /// <summary>POST /events on 64 connections.</summary>
    public Task SinglesAsync(int round, int count, CancellationToken cancellationToken) =>
        ClosedLoopAsync(round, count, SingleConnections, 1, _ => PublishRequest.Single(server), cancellationToken);

    /// <summary>POST /events at a fixed rate, whether or not earlier ones have been answered; returns the rate that was held.</summary>
    public async Task<double> PacedAsync(int round, int count, int perSecond, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1));
        var sends = new List<Task>(count);
        var started = Stopwatch.GetTimestamp();
        while (sends.Count < count)
        {
            await timer.WaitForNextTickAsync(cancellationToken);
            var due = Math.Min(count, (int)(Stopwatch.GetElapsedTime(started).TotalSeconds * perSecond));
            while (sends.Count < due) sends.Add(SendOneAsync(round, sends.Count, cancellationToken));
        }

        var elapsed = Stopwatch.GetElapsedTime(started);
        await Task.WhenAll(sends);
        return count / elapsed.TotalSeconds;
    }

    public void Dispose()
    {
        foreach (var connection in _opened) connection.Dispose();
    }

    private async Task ClosedLoopAsync(
        int round, int count, int connections, int size, Func<int, PublishRequest> make, CancellationToken cancellationToken)
    {
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => Task.Run(WorkAsync, cancellationToken)));

        async Task WorkAsync()
        {
            var connection = await RentAsync(cancellationToken);
            var request = make(size);
            for (var first = Interlocked.Add(ref next, size) - size; first < count; first = Interlocked.Add(ref next, size) - size)
            {
                if (count - first < size) request = make(count - first);
                await connection.SendAsync(request.Fill(round, first), cancellationToken);
            }

            _idle.Add(connection);
        }
    }

    private async Task SendOneAsync(int round, int number, CancellationToken cancellationToken)
    {
        var request = PublishRequest.Single(server);
        var connection = await RentAsync(cancellationToken);
        await connection.SendAsync(request.Fill(round, number), cancellationToken);
        _idle.Add(connection);
    }

    private async ValueTask<PublishConnection> RentAsync(CancellationToken cancellationToken)
    {
        if (_idle.TryTake(out var idle)) return idle;
        var opened = await PublishConnection.OpenAsync(server, cancellationToken);
        _opened.Add(opened);
        return opened;
    }
}
