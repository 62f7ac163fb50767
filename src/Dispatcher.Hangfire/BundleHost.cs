// The Hangfire host: what comes to this node's memory is bundled, and each bundle is a job that a Hangfire worker of this node runs.

using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Hangfire;
using Hangfire.States;

namespace Dispatcher.Hangfire;

/// <summary>
/// A job of Hangfire's costs a dozen transactions, so it stands for as many deliveries as have come while the job before it was
/// enqueued: one when idle, hundreds under load. The accept path only writes to a channel. Rows are owned by the node as ever, and the
/// payload stays in memory; the queue is the node's own.
/// </summary>
internal sealed partial class BundleHost : IDeliveryHost, IHostedService, IDisposable
{
    public const string QueuePrefix = "node-";

    /// <summary>Bundles that may wait for a worker; while they do, the next one grows.</summary>
    private const int MaxWaiting = 2;

    /// <summary>Between two bundles, unless the second is full already: fewer and larger ones for a latency that nobody notices.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(25);

    /// <summary>How long a bundle waits for a worker. One does come within milliseconds, unless its job was deleted, or Hangfire is not well.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromMilliseconds(500);

    private readonly JobStorage _storage;
    private readonly IBackgroundJobClient _client;
    private readonly NodeRegistry _node;
    private readonly DispatcherOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<BundleHost> _logger;
    private readonly Channel<LaneEntry> _arrived = Channel.CreateUnbounded<LaneEntry>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<Guid, Bundle> _waiting = new();
    private readonly SemaphoreSlim _room = new(MaxWaiting, MaxWaiting);
    private readonly CancellationTokenSource _stop = new();
    private readonly RunningBundles _running;
    private BackgroundJobServer? _server;
    private LaneSet? _lanes;
    private string _queue = "";
    private int _arrivedCount;
    private long _bundledAt;
    private Task _bundling = Task.CompletedTask;
    private Task _looking = Task.CompletedTask;

    public BundleHost(
        JobStorage storage, IBackgroundJobClient client, NodeRegistry node, DispatcherOptions options, TimeProvider time, ILogger<BundleHost> logger)
    {
        (_storage, _client, _node, _options, _time, _logger) = (storage, client, node, options, time, logger);
        _running = new RunningBundles(options.Hangfire.Workers, () => _waiting.Count);
    }

    public void Take(LaneSet lanes, LaneEntry[] counted)
    {
        Volatile.Write(ref _lanes, lanes);
        Interlocked.Add(ref _arrivedCount, counted.Length);
        foreach (var entry in counted)
        {
            if (_arrived.Writer.TryWrite(entry)) continue;
            // Stopping: unsent, and others' from now on.
            entry.Lane.GiveBack(entry.Delivery);
        }
    }

    /// <summary>What a worker does with a job: has its bundle sent, if it is here and nobody had it yet.</summary>
    public async Task<string> RunAsync(Guid id, CancellationToken stopping)
    {
        if (!TryTake(id, out var bundle))
            return "Sent nothing: this bundle is not in this node's memory. It has been run, or its deliveries were given back and are in another one.";
        bundle.Release(_lanes!);
        await _running.WaitForAsync(bundle, stopping);
        return bundle.Summary();
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!_options.HasRole("worker")) return Task.CompletedTask;
        // The node's number, as it stands in logs. It takes others in the course of time, and its queue keeps the first.
        _queue = QueuePrefix + (_node.Current?.Id.ToString(CultureInfo.InvariantCulture) ?? Guid.NewGuid().ToString("N"));
        _server = new BackgroundJobServer(
            new BackgroundJobServerOptions
            {
                ServerName = $"{_queue}:{Environment.MachineName}:{Environment.ProcessId}".ToLowerInvariant(),
                // The second is where the dashboard puts a job that somebody has it run again. It sends nothing any more, and says so.
                Queues = [_queue, EnqueuedState.DefaultQueue],
                WorkerCount = _options.Hangfire.Workers,
                Activator = new BundleActivator(new BundleJob(this)),
                FilterProvider = BundleFilters.All,
                HeartbeatInterval = TimeSpan.FromSeconds(5),
                ServerTimeout = TimeSpan.FromMinutes(1),
                ServerCheckInterval = TimeSpan.FromSeconds(30),
            },
            _storage,
            [new OrphanedBundles(_client)]);
        _bundling = Task.Run(BundleAsync, CancellationToken.None);
        _looking = Task.Run(LookAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>What feeds the lanes has stopped by now, and they have not: what was released is finished by them, the rest is given back.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _arrived.Writer.TryComplete();
        await _stop.CancelAsync();
        await Task.WhenAll(_bundling, _looking);
        foreach (var id in _waiting.Keys)
            if (TryTake(id, out var bundle)) bundle.GiveBack();
        while (_arrived.Reader.TryRead(out var entry)) entry.Lane.GiveBack(entry.Delivery);
        _running.LetAllGo();
        if (_server is null) return;
        _server.SendStop();
        await _server.WaitForShutdownAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _server?.Dispose();
        _stop.Dispose();
        _room.Dispose();
    }

    private bool TryTake(Guid id, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Bundle? bundle)
    {
        if (!_waiting.TryRemove(id, out bundle)) return false;
        _room.Release();
        return true;
    }

    private async Task BundleAsync()
    {
        try
        {
            while (await _arrived.Reader.WaitToReadAsync(_stop.Token))
            {
                await _room.WaitAsync(_stop.Token);
                await PaceAsync();
                var bundle = Gather();
                _waiting[bundle.Id] = bundle;
                _running.MakeRoom();
                await EnqueueAsync(bundle);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: StopAsync gives back what is left.
        }
    }

    private async Task PaceAsync()
    {
        var wait = Pace - _time.GetElapsedTime(_bundledAt);
        if (wait > TimeSpan.Zero && Volatile.Read(ref _arrivedCount) < _options.Hangfire.MaxBundle) await Task.Delay(wait, _time, _stop.Token);
    }

    private Bundle Gather()
    {
        var entries = new List<LaneEntry>();
        while (entries.Count < _options.Hangfire.MaxBundle && _arrived.Reader.TryRead(out var entry)) entries.Add(entry);
        Interlocked.Add(ref _arrivedCount, -entries.Count);
        _bundledAt = _time.GetTimestamp();
        return new Bundle(Ids.NewUuid(_time.GetUtcNow()), [.. entries], _bundledAt);
    }

    /// <summary>Enqueues the bundle's job. Where it is not known whether that went through, it is done again: whichever job runs first has the bundle.</summary>
    private async Task EnqueueAsync(Bundle bundle)
    {
        var job = BundleJob.Of(bundle);
        while (_waiting.ContainsKey(bundle.Id))
        {
            try
            {
                // Hangfire has no asynchronous way: this holds one thread of the pool, whatever the load.
                _client.Create(job, new EnqueuedState(_queue));
                return;
            }
            catch (Exception e)
            {
                LogEnqueueFailed(bundle.Count, e.GetBaseException().Message);
                await Task.Delay(RetryEvery, _time, _stop.Token);
            }
        }
    }

    /// <summary>Looks for bundles that no worker has come for.</summary>
    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(LookEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                foreach (var (id, late) in _waiting)
                {
                    if (_time.GetElapsedTime(late.At) < Patience || !TryTake(id, out var bundle)) continue;
                    LogGivenBack(bundle.Count, Patience.TotalSeconds);
                    bundle.GiveBack();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A bundle of {Count} deliveries could not be enqueued, and is tried again: {Reason}")]
    private partial void LogEnqueueFailed(int count, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "A bundle of {Count} deliveries is given back: no Hangfire worker came for it within {Seconds} s (its job was deleted, or Hangfire cannot reach the database)")]
    private partial void LogGivenBack(int count, double seconds);
}
