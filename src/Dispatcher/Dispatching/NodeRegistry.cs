// Registers this process as a node, keeps its heartbeat, and frees the rows of nodes whose heartbeat has stopped.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Ownership is by node, so one heartbeat stands for every row that the node owns. A node that could not renew its heartbeat for
/// <see cref="FenceAfter"/> stops sending before others may take its rows over at <see cref="DeadAfter"/>.
/// </summary>
internal sealed partial class NodeRegistry(
    NpgsqlDataSource source, DispatcherOptions options, Wakeup wakeup, TimeProvider time, ILogger<NodeRegistry> logger) : IHostedLifecycleService, IDisposable
{
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan FenceAfter = TimeSpan.FromSeconds(8);
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly List<NodeIdentity> _retired = [];
    private readonly CancellationTokenSource _stop = new();
    private NodeIdentity? _current;
    private Task _beating = Task.CompletedTask;
    private long _renewedAt;

    /// <summary>The identity that new rows are taken under; null before registration, after stopping and on nodes that send nothing.</summary>
    public NodeIdentity? Current => options.HasRole("worker") ? Volatile.Read(ref _current) : null;

    /// <summary>The current identity, counted as in use until <see cref="NodeIdentity.LetGo"/>.</summary>
    public NodeIdentity? HoldCurrent()
    {
        while (true)
        {
            var current = Current;
            if (current is null) return null;
            current.Hold(1);
            if (Current == current) return current;
            // Retired in between: it may already be counted as drained.
            current.LetGo(1);
        }
    }

    /// <summary>Whether rows owned by the identity are surely still this node's to send.</summary>
    public bool MaySend(NodeIdentity identity) => !identity.IsLost && time.GetElapsedTime(Volatile.Read(ref _renewedAt)) < FenceAfter;

    /// <summary>Stops taking rows under an identity, because the fate of a statement that used it is unknown.</summary>
    public void Retire(NodeIdentity identity)
    {
        lock (_gate)
        {
            if (_current != identity) return;
            _current = null;
            _retired.Add(identity);
        }

        LogRetired(identity.Id);
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await RegisterAsync(cancellationToken);
        await FreeDeadAsync(cancellationToken);
        _beating = Task.Run(() => BeatAsync(_stop.Token), CancellationToken.None);
    }

    /// <summary>Leaves, once lanes and recorder have stopped: what is still owned is freed for others at once.</summary>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _beating;
        List<NodeIdentity> mine;
        lock (_gate)
        {
            mine = [.. _retired];
            if (_current is not null) mine.Add(_current);
            _current = null;
        }

        try
        {
            foreach (var identity in mine) await RemoveAsync(identity, cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            LogLeaveFailed(e.Message);
        }
    }

    public void Dispose() => _stop.Dispose();

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task BeatAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(HeartbeatEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                try
                {
                    await RenewAsync(ct);
                    await RemoveDrainedAsync(ct);
                    await FreeDeadAsync(ct);
                }
                catch (Exception e) when (e is NpgsqlException or InvalidOperationException or TimeoutException)
                {
                    LogBeatFailed(e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task RegisterAsync(CancellationToken ct)
    {
        var began = time.GetTimestamp();
        await using var command = source.CreateCommand("INSERT INTO dispatcher.node (name, roles, version) VALUES ($1, $2, $3) RETURNING id");
        command.Parameters.AddWithValue($"{Environment.MachineName}/{Environment.ProcessId}");
        command.Parameters.AddWithValue(options.Roles);
        command.Parameters.AddWithValue(ServerVersion.Text);
        var identity = new NodeIdentity((int)(await command.ExecuteScalarAsync(ct))!);
        lock (_gate) _current = identity;
        Volatile.Write(ref _renewedAt, began);
        LogRegistered(identity.Id, options.Roles);
    }

    /// <summary>Renews every identity in one statement. One that is no longer there was declared dead while we could not be heard.</summary>
    private async Task RenewAsync(CancellationToken ct)
    {
        List<NodeIdentity> mine;
        lock (_gate) mine = [.. _retired, .. _current is { } current ? [current] : Array.Empty<NodeIdentity>()];

        // Taken before the statement: the database's clock starts to count no earlier than this.
        var began = time.GetTimestamp();
        await using var command = source.CreateCommand("UPDATE dispatcher.node SET heartbeat_at = now() WHERE id = ANY ($1) RETURNING id");
        command.CommandTimeout = 5;
        command.Parameters.AddWithValue(mine.ConvertAll(i => i.Id).ToArray());
        var alive = new HashSet<int>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct)) alive.Add(reader.GetInt32(0));
        }

        foreach (var lost in mine.Where(i => !alive.Contains(i.Id)))
        {
            lost.MarkLost();
            Retire(lost);
            LogLost(lost.Id);
        }

        Volatile.Write(ref _renewedAt, began);
        bool register;
        lock (_gate) register = _current is null;
        if (register) await RegisterAsync(ct);
    }

    private async Task RemoveDrainedAsync(CancellationToken ct)
    {
        List<NodeIdentity> drained;
        lock (_gate) drained = _retired.FindAll(i => i.Held == 0);
        foreach (var identity in drained)
        {
            await RemoveAsync(identity, ct);
            lock (_gate) _retired.Remove(identity);
        }
    }

    private Task RemoveAsync(NodeIdentity identity, CancellationToken ct) =>
        FreeAsync("WITH dead AS (DELETE FROM dispatcher.node WHERE id = $1 RETURNING id)", identity.Id, ct);

    private Task FreeDeadAsync(CancellationToken ct) =>
        FreeAsync("WITH dead AS (DELETE FROM dispatcher.node WHERE heartbeat_at < now() - make_interval(secs => $1) RETURNING id)", DeadAfter.TotalSeconds, ct);

    /// <summary>Deletes nodes and frees what they owned in one statement: there is no moment in which rows belong to nobody that exists.</summary>
    private async Task FreeAsync(string dead, object parameter, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            dead + " UPDATE dispatcher.queue SET owner = NULL WHERE (SELECT count(*) FROM dead) > 0 AND owner IN (SELECT id FROM dead)");
        command.CommandTimeout = 60;
        command.Parameters.AddWithValue(parameter);
        var freed = await command.ExecuteNonQueryAsync(ct);
        if (freed == 0) return;
        LogFreed(freed);
        wakeup.NotifyUnowned();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Registered as node {Node} with roles {Roles}")]
    private partial void LogRegistered(int node, string roles);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} retires: the outcome of one of its statements is unknown")]
    private partial void LogRetired(int node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} was declared dead while it could not reach the database; its deliveries are left to others")]
    private partial void LogLost(int node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Heartbeat failed: {Reason}")]
    private partial void LogBeatFailed(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The node could not be deregistered, others will free its rows: {Reason}")]
    private partial void LogLeaveFailed(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Freed {Count} deliveries of nodes that are gone")]
    private partial void LogFreed(int count);
}
