// The load: events published in the three ways that callers publish them.
using System.Collections.Concurrent;
using System.Diagnostics;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>Publishes rounds of numbered events; connections stay open from round to round.</summary>
/// <param name="servers">Where to: callers are spread over them.</param>
/// <param name="types">Event n has the type n modulo their number.</param>
internal sealed class Publisher(IReadOnlyList<ServerProcess> servers, IReadOnlyList<string> types) : IDisposable
{
    public const int BatchSize = 100, BatchConnections = 8, SingleConnections = 64;

    private readonly ConcurrentBag<PublishConnection> _opened = [];
    private readonly ConcurrentBag<PublishConnection>[] _idle = [.. servers.Select(_ => new ConcurrentBag<PublishConnection>())];

    /// <summary>POST /events/batch, arrays of 100 on 8 connections (8 per server).</summary>
    public Task BatchesAsync(int round, int count, CancellationToken cancellationToken) => ClosedLoopAsync(
        round, count, BatchConnections, BatchSize, (server, _, size) => PublishRequest.Batch(server, types[0], size), cancellationToken);

    /// <summary>POST /events on 64 connections (per server).</summary>
    public Task SinglesAsync(int round, int count, CancellationToken cancellationToken) => ClosedLoopAsync(
        round, count, SingleConnections, 1, (server, first, _) => PublishRequest.Single(server, TypeOf(first)), cancellationToken);

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

    private string TypeOf(int number) => types[number % types.Count];

    private async Task ClosedLoopAsync(
        int round, int count, int connections, int size, Func<ServerProcess, int, int, PublishRequest> make, CancellationToken cancellationToken)
    {
        var next = 0;
        await Task.WhenAll(Enumerable.Range(0, connections * servers.Count).Select(worker => Task.Run(() => WorkAsync(worker % servers.Count), cancellationToken)));

        async Task WorkAsync(int server)
        {
            var connection = await RentAsync(server, cancellationToken);
            PublishRequest? request = null;
            for (var first = Interlocked.Add(ref next, size) - size; first < count; first = Interlocked.Add(ref next, size) - size)
            {
                // Made once, but for events of several types and for what is left at the end.
                var items = Math.Min(size, count - first);
                if (request is null || request.Items != items || (size == 1 && types.Count > 1)) request = make(servers[server], first, items);
                await connection.SendAsync(request.Fill(round, first), cancellationToken);
            }

            _idle[server].Add(connection);
        }
    }

    private async Task SendOneAsync(int round, int number, CancellationToken cancellationToken)
    {
        var server = number % servers.Count;
        var request = PublishRequest.Single(servers[server], TypeOf(number));
        var connection = await RentAsync(server, cancellationToken);
        await connection.SendAsync(request.Fill(round, number), cancellationToken);
        _idle[server].Add(connection);
    }

    private async ValueTask<PublishConnection> RentAsync(int server, CancellationToken cancellationToken)
    {
        if (_idle[server].TryTake(out var idle)) return idle;
        var opened = await PublishConnection.OpenAsync(servers[server], cancellationToken);
        _opened.Add(opened);
        return opened;
    }
}
