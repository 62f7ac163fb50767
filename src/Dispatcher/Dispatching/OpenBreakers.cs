// The circuit breakers that are open, on whichever node they opened: the database holds them, each node keeps a copy.

using System.Collections.Concurrent;
using System.Globalization;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>A break: nothing is sent to the integration until it is over, then one probe, by the node that is first to ask for it.</summary>
/// <param name="Over">On the clock of <see cref="OpenBreakers.Now"/>.</param>
internal sealed record OpenBreaker(TimeSpan Over);

/// <summary>What came of asking to make a probe.</summary>
internal enum ProbeRight
{
    /// <summary>Another node makes it, or it is not time yet.</summary>
    Refused,

    /// <summary>Make it.</summary>
    Granted,

    /// <summary>The breaker has closed.</summary>
    NotNeeded,
}

/// <summary>
/// Opening, probing and closing are one statement each, which decides in the database and tells the other nodes. Notifications are
/// what makes it quick; a look every few seconds finds what they missed, and who may probe is decided in the database alone.
/// </summary>
internal sealed partial class OpenBreakers(
    NpgsqlDataSource source, Wakeup wakeup, DispatcherOptions options, TimeProvider time, ILogger<OpenBreakers> logger) : BackgroundService
{
    private const string OpenedPayload = "opened:";
    private const string ClosedPayload = "closed:";

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>What differs by no more is the same end of a break, read at another moment.</summary>
    private static readonly TimeSpan Near = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentDictionary<Guid, OpenBreaker> _open = new();
    private readonly long _began = time.GetTimestamp();
    private int _changes;

    public TimeSpan Now => time.GetElapsedTime(_began);

    /// <summary>Whether breakers are used at all.</summary>
    public bool Enabled => options.Breaker.Enabled;

    /// <summary>How many are open, as far as this node knows.</summary>
    public int Count => _open.Count;

    /// <summary>The integration's break; null where its breaker is closed. A look-up without a lock: it is made for each delivery.</summary>
    public OpenBreaker? Find(Guid integration) => _open.GetValueOrDefault(integration);

    /// <summary>Whether nothing may be sent to the integration now, not even a probe.</summary>
    public bool IsParked(Guid integration) => Find(integration) is { } open && open.Over > Now;

    /// <summary>The integrations to which nothing may be sent now.</summary>
    public IEnumerable<Guid> Parked()
    {
        var now = Now;
        foreach (var (integration, open) in _open)
            if (open.Over > now) yield return integration;
    }

    public FailureStreak NewStreak() => new(options.Breaker, time);

    /// <summary>Opens the breaker, unless it is open already or the integration has changed since that version.</summary>
    public async Task OpenAsync(string organization, Guid integration, int version, CancellationToken ct)
    {
        var pause = TimeSpan.FromSeconds(options.Breaker.BreakSeconds);
        await using var command = Command(OpenBreakerSql.Open, organization, integration, pause.TotalSeconds);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = version });
        if (await command.ExecuteScalarAsync(ct) is null) return;
        Set(integration, pause);
        LogOpened(Ids.Format(Ids.Integration, integration), pause.TotalSeconds);
    }

    /// <summary>Asks to make the probe. Who may make it tells how it went within the time given; after that another node may.</summary>
    public async Task<ProbeRight> TryProbeAsync(string organization, Guid integration, TimeSpan within, CancellationToken ct)
    {
        await using (var probe = Command(OpenBreakerSql.Probe, organization, integration, within.TotalSeconds))
        {
            if (await probe.ExecuteScalarAsync(ct) is not null)
            {
                Set(integration, within);
                var name = Ids.Format(Ids.Integration, integration);
                LogHalfOpen(name);
                return ProbeRight.Granted;
            }
        }

        await using var look = Command(OpenBreakerSql.Left, organization, integration);
        if (await look.ExecuteScalarAsync(ct) is double left)
        {
            Set(integration, TimeSpan.FromSeconds(Math.Max(left, 0.001)));
            return ProbeRight.Refused;
        }

        Forget(integration);
        return ProbeRight.NotNeeded;
    }

    /// <summary>The probe failed: the next one is due after twice the time.</summary>
    public async Task ReopenAsync(string organization, Guid integration, CancellationToken ct)
    {
        await using var command = Command(OpenBreakerSql.Reopen, organization, integration, options.Breaker.BreakSeconds, options.Breaker.MaxBreakSeconds);
        if (await command.ExecuteScalarAsync(ct) is not double seconds)
        {
            // Closed meanwhile, because the integration was changed.
            Forget(integration);
            return;
        }

        Set(integration, TimeSpan.FromSeconds(seconds));
        LogReopened(Ids.Format(Ids.Integration, integration), seconds);
    }

    /// <summary>Something succeeded: the lane goes on, on all nodes.</summary>
    public async Task CloseAsync(string organization, Guid integration, CancellationToken ct)
    {
        await using var command = Command(OpenBreakerSql.Close, organization, integration);
        var closed = await command.ExecuteScalarAsync(ct) is not null;
        Forget(integration);
        if (!closed) return;
        var name = Ids.Format(Ids.Integration, integration);
        LogClosed(name);
    }

    /// <summary>Has the next probe made now, where the breaker is open: somebody asked for a delivery by hand.</summary>
    public async Task HurryAsync(string organization, Guid integration, CancellationToken ct)
    {
        if (!Enabled) return;
        await using var command = Command(OpenBreakerSql.Hurry, organization, integration);
        if (await command.ExecuteScalarAsync(ct) is not null) Set(integration, TimeSpan.Zero);
    }

    /// <summary>Takes in what another node told. False when it was about something else.</summary>
    public bool Heard(string payload)
    {
        if (payload.StartsWith(ClosedPayload, StringComparison.Ordinal) && Guid.TryParse(payload[ClosedPayload.Length..], out var closed))
        {
            Forget(closed);
            return true;
        }

        // opened:<integration>:<milliseconds from now>; from now, because the nodes' clocks may differ.
        if (!payload.StartsWith(OpenedPayload, StringComparison.Ordinal)) return false;
        var parts = payload.Split(':');
        if (parts.Length == 3 && Guid.TryParse(parts[1], out var opened) && double.TryParse(parts[2], CultureInfo.InvariantCulture, out var milliseconds))
            Set(opened, TimeSpan.FromMilliseconds(milliseconds));
        return true;
    }

    /// <summary>The breaker has closed, or the integration has changed, which closes it.</summary>
    public void Forget(Guid integration)
    {
        Interlocked.Increment(ref _changes);
        if (!_open.TryRemove(integration, out _)) return;
        wakeup.Ask(integration);
    }

    /// <summary>Reads what is open, for whatever was missed.</summary>
    public async Task LookAsync(CancellationToken ct)
    {
        if (!Enabled) return;
        var changes = Volatile.Read(ref _changes);
        await using var command = source.CreateCommand(OpenBreakerSql.All);
        var found = new Dictionary<Guid, TimeSpan>();
        await using (var reader = await command.ExecuteReaderAsync(ct))
        {
            while (await reader.ReadAsync(ct)) found[reader.GetGuid(0)] = TimeSpan.FromSeconds(reader.GetDouble(1));
        }

        // Something was heard meanwhile: it may be newer than what was read.
        if (Volatile.Read(ref _changes) != changes) return;
        foreach (var (integration, left) in found)
            if (Find(integration) is not { } known || (known.Over - Now - left).Duration() > Near) Set(integration, left);
        foreach (var gone in _open.Keys.Where(id => !found.ContainsKey(id)).ToList()) Forget(gone);
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await LookAsync(stoppingToken);
                }
                catch (Exception e) when (!stoppingToken.IsCancellationRequested)
                {
                    LogLookFailed(e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private void Set(Guid integration, TimeSpan left)
    {
        if (!Enabled) return;
        Interlocked.Increment(ref _changes);
        _open[integration] = new OpenBreaker(Now + left);
        if (left <= TimeSpan.Zero) wakeup.Ask(integration);
        else wakeup.AskAt(integration, time.GetUtcNow() + left);
    }

    private NpgsqlCommand Command(string sql, string organization, Guid integration, params ReadOnlySpan<double> more)
    {
        var command = source.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = organization });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = integration });
        foreach (var value in more) command.Parameters.Add(new NpgsqlParameter<double> { TypedValue = value });
        return command;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Integration}: circuit breaker opens, nothing but failures; nothing is sent for {Seconds:0.#} s")]
    private partial void LogOpened(string integration, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Integration}: circuit breaker half-open, one delivery is sent to see")]
    private partial void LogHalfOpen(string integration);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Integration}: circuit breaker opens again, the probe failed; nothing is sent for {Seconds:0.#} s")]
    private partial void LogReopened(string integration, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Integration}: circuit breaker closed, deliveries go on")]
    private partial void LogClosed(string integration);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Which circuit breakers are open could not be read: {Reason}")]
    private partial void LogLookFailed(string reason);
}
