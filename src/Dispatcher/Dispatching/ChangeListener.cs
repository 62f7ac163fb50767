// Listens to what other nodes, and other programs with dispatcher.publish, tell through the database.

using Dispatcher.Access;
using Dispatcher.Storage;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>LISTEN on a connection of its own. Notifications only make things faster: whatever is missed is found by polling and by versions.</summary>
internal sealed partial class ChangeListener(
    DirectSource direct, LaneSet lanes, OpenBreakers breakers, Wakeup wakeup, TaskBell tasks, KeyRing keys, TimeProvider time,
    ILogger<ChangeListener> logger) : BackgroundService
{
    private static readonly TimeSpan Reconnect = TimeSpan.FromSeconds(1);

    /// <summary>How long silence is believed. A connection that something on the way has dropped without a word is as silent as an idle one.</summary>
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(3);

    /// <summary>How long the answer to such a check may take, in seconds.</summary>
    private const int CheckTimeout = 3;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogLost(e.Message);
                await Task.Delay(Reconnect, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        await using var connection = await direct.Source.OpenConnectionAsync(ct);
        connection.Notification += (_, notification) => Heard(notification.Channel, notification.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {Wakeup.Channel}; LISTEN dispatcher_changed", connection))
            await listen.ExecuteNonQueryAsync(ct);

        // Deaf until now.
        lanes.InvalidateAll();
        keys.Forget();
        await breakers.LookAsync(ct);
        await using var check = new NpgsqlCommand("SELECT 1", connection) { CommandTimeout = CheckTimeout };
        while (true)
        {
            if (!await connection.WaitAsync(CheckEvery, ct)) await check.ExecuteNonQueryAsync(ct);
        }
    }

    private void Heard(string channel, string payload)
    {
        const string cancelled = "cancelled:";
        if (channel == Wakeup.Channel) wakeup.Heard(payload);
        else if (Guid.TryParse(payload, out var integration)) lanes.Invalidate(integration);
        else if (payload.StartsWith(cancelled, StringComparison.Ordinal) && Guid.TryParse(payload[cancelled.Length..], out var delivery)) lanes.Cancel(delivery);
        else if (payload == "task") tasks.Ring();
        else if (!breakers.Heard(payload)) keys.Forget();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lost the connection that listens for changes: {Reason}")]
    private partial void LogLost(string reason);
}
