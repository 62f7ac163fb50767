// What waits in the queue, looked at now and then, for gauges that must not wait for the database.

using Dispatcher.Platform;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Telemetry;

/// <summary>Looks every <see cref="Every"/>. While the database cannot be reached there is no value: an old one would look like a quiet queue.</summary>
internal sealed partial class QueueGauge(StatisticsReader statistics, TimeProvider time, ILogger<QueueGauge> logger) : BackgroundService
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(15);

    private volatile QueueStats? _seen;

    /// <summary>Deliveries that wait or are under way, on all nodes: at most 100,000, for counting more would cost too much.</summary>
    public long? Depth => _seen?.Depth;

    /// <summary>How long the delivery that is due longest has been due, in seconds; 0 when none is.</summary>
    public double? OldestDueSeconds => _seen is not { } seen ? null
        : seen.OldestDueAt is { } due ? Math.Max(0, (time.GetUtcNow() - due).TotalSeconds) : 0;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                _seen = await statistics.WaitingAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException || StoreFault.IsUnavailable(e))
            {
                _seen = null;
                LogUnseen(e.Message);
            }

            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The queue could not be looked at: {Reason}")]
    private partial void LogUnseen(string reason);
}
