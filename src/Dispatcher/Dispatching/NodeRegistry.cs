// Registers this process as a node, keeps its heartbeat, and frees the rows of nodes whose heartbeat has stopped.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Ownership is by node, so one heartbeat stands for every row that the node owns. A node that could not renew its heartbeat for
/// <see cref="FenceAfter"/> stops sending before others may take its rows over at <see cref="DeadAfter"/>.
/// </summary>
internal sealed partial class NodeRegistry(
    NpgsqlDataSource source, DatabaseOrigin origin, DispatcherOptions options, Wakeup wakeup, TimeProvider time, ILogger<NodeRegistry> logger)
    : IHostedLifecycleService, IDisposable
{
    public static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(2);
    public static readonly TimeSpan FenceAfter = TimeSpan.FromSeconds(8);
    public static readonly TimeSpan DeadAfter = TimeSpan.FromSeconds(10);

    /// <summary>Who has been silent for so long is dead also for a node that has just started, and cannot know how long the database was there.</summary>
    public static readonly TimeSpan LongDeadAfter = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly List<NodeIdentity> _retired = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _registering = new(1, 1);
    private readonly DeadNodes _dead = new(source, wakeup, logger);
    private NodeIdentity? _current;
    private volatile UnbrokenBeats? _heard;
    private Func<int> _inFlight = static () => 0;
    private Task _beating = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;

    /// <summary>The identity that new rows are taken under; null before registration, after stopping and on nodes that send nothing.</summary>
    public NodeIdentity? Current => options.HasRole("worker") ? Volatile.Read(ref _current) : null;

    /// <summary>Has the heartbeats say how many deliveries the node is working on: only the lanes know.</summary>
    public void Report(Func<int> inFlight) => Volatile.Write(ref _inFlight, inFlight);

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
    public bool MaySend(NodeIdentity identity) => !identity.IsLost && identity.Renewed is { } beat && beat.IsWithin(FenceAfter, time);

    /// <summary>Stops taking rows under an identity, because the fate of a statement that used it is unknown, and takes a new one.</summary>
    public void Retire(NodeIdentity identity)
    {
        lock (_gate)
        {
            if (_current != identity) return;
            _current = null;
            _retired.Add(identity);
        }

        LogRetired(identity.Id);
        _ = Task.Run(RegisterAgainAsync);
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        await RegisterAsync(cancellationToken);
        if (origin.IsOurs) await _dead.FreeEndedAsync(Volatile.Read(ref _current)?.Id, cancellationToken);
        await _dead.FreeSilentAsync(LongDeadAfter, cancellationToken);
        _beating = Task.Run(() => EveryBeatAsync(RenewAsync, _stop.Token), CancellationToken.None);
        // Apart from the heartbeat: freeing the rows of others may take longer than others wait for ours.
        _sweeping = Task.Run(() => EveryBeatAsync(SweepAsync, _stop.Token), CancellationToken.None);
    }

    /// <summary>Leaves, once lanes and recorder have stopped: what is still owned is freed for others at once.</summary>
    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_beating, _sweeping);
        // Kept: whoever retires an identity from here on gets no other.
        await _registering.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        List<NodeIdentity> mine;
        lock (_gate)
        {
            mine = [.. _retired];
            if (_current is not null) mine.Add(_current);
            _current = null;
        }

        try
        {
            foreach (var identity in mine) await _dead.RemoveAsync(identity.Id, cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            LogLeaveFailed(e.Message);
        }
    }

    public void Dispose()
    {
        _stop.Dispose();
        _registering.Dispose();
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task EveryBeatAsync(Func<CancellationToken, Task> step, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(HeartbeatEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                try
                {
                    await step(ct);
                }
                catch (Exception e) when (!ct.IsCancellationRequested)
                {
                    // Whatever it was: a node whose heart stopped for good would neither send nor leave.
                    LogBeatFailed(e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        // After a time in which the database was away, every node looks silent, and each must have had the time to say that it is not.
        if (_heard is { } beats && beats.HaveLasted(DeadAfter, time)) await _dead.FreeSilentAsync(DeadAfter, ct);
        await RemoveDrainedAsync(ct);
    }

    /// <summary>Takes a new identity if there is none. At once after one was retired, and again with each beat while the database cannot be reached.</summary>
    private async Task RegisterAsync(CancellationToken ct)
    {
        await _registering.WaitAsync(ct);
        try
        {
            if (Volatile.Read(ref _current) is null) await AddAsync(ct);
        }
        finally
        {
            _registering.Release();
        }
    }

    private async Task RegisterAgainAsync()
    {
        try
        {
            await RegisterAsync(_stop.Token);
            wakeup.AskAll();
        }
        catch (Exception e)
        {
            if (!_stop.IsCancellationRequested) LogBeatFailed(e.Message);
        }
    }

    private async Task AddAsync(CancellationToken ct)
    {
        var beat = Beat.Now(time);
        await using var command = source.CreateCommand("INSERT INTO dispatcher.node (name, roles, version) VALUES ($1, $2, $3) RETURNING id");
        command.Parameters.AddWithValue($"{Environment.MachineName}/{Environment.ProcessId}");
        command.Parameters.AddWithValue(options.Roles);
        command.Parameters.AddWithValue(ServerVersion.Text);
        var identity = new NodeIdentity((int)(await command.ExecuteScalarAsync(ct))!);
        identity.Renew(beat);
        lock (_gate) _current = identity;
        LogRegistered(identity.Id, options.Roles);
    }

    /// <summary>Renews every identity in one statement. One that is no longer there was declared dead while we could not be heard.</summary>
    private async Task RenewAsync(CancellationToken ct)
    {
        List<NodeIdentity> mine;
        NodeIdentity? newest;
        lock (_gate)
        {
            newest = _current;
            mine = [.. _retired, .. newest is not null ? [newest] : Array.Empty<NodeIdentity>()];
        }

        // Taken before the statement: the database's clock starts to count no earlier than this.
        var beat = Beat.Now(time);
        await using var command = source.CreateCommand(
            """
            UPDATE dispatcher.node n SET heartbeat_at = now(), in_memory = b.in_memory, in_flight = b.in_flight
            FROM unnest($1, $2, $3) AS b (id, in_memory, in_flight) WHERE n.id = b.id RETURNING n.id
            """);
        command.CommandTimeout = 5;
        command.Parameters.AddWithValue(mine.ConvertAll(i => i.Id).ToArray());
        command.Parameters.AddWithValue(mine.ConvertAll(i => i.Held).ToArray());
        // Which of its identities a delivery belongs to that is being worked on is not counted; retired ones are rare and short.
        var inFlight = Volatile.Read(ref _inFlight)();
        command.Parameters.AddWithValue(mine.ConvertAll(i => i == newest ? inFlight : 0).ToArray());
        var alive = new HashSet<int>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct)) alive.Add(reader.GetInt32(0));
        }

        foreach (var identity in mine)
        {
            if (alive.Contains(identity.Id))
            {
                identity.Renew(beat);
            }
            else if (!identity.IsLost && IsMine(identity))
            {
                identity.MarkLost();
                Retire(identity);
                LogLost(identity.Id);
            }
        }

        _heard = UnbrokenBeats.After(_heard, beat, FenceAfter, time);
        await RegisterAsync(ct);
    }

    private bool IsMine(NodeIdentity identity)
    {
        lock (_gate) return _current == identity || _retired.Contains(identity);
    }

    private async Task RemoveDrainedAsync(CancellationToken ct)
    {
        List<NodeIdentity> drained;
        lock (_gate) drained = _retired.FindAll(i => i.Held == 0);
        foreach (var identity in drained)
        {
            // Taken off first: a heartbeat must not take it for lost.
            lock (_gate) _retired.Remove(identity);
            try
            {
                await _dead.RemoveAsync(identity.Id, ct);
            }
            catch
            {
                lock (_gate) _retired.Add(identity);
                throw;
            }
        }
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
}
