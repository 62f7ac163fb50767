// Wakes the claimer: when rows are left unowned here or elsewhere, when a retry falls due, when a lane has room again.

using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>An alarm for one sleeper: rings at once, and at each time asked for. A ring while it is awake is not lost.</summary>
internal sealed class Wakeup(NpgsqlDataSource source, TimeProvider time) : IDisposable
{
    private const int Idle = 0;
    private const int Notifying = 1;
    private const int NotifyAgain = 2;

    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Lock _gate = new();
    private readonly SortedSet<DateTimeOffset> _alarms = [];
    private bool _rung;
    private int _notify;

    public void Dispose() => _bell.Dispose();

    public void Ring()
    {
        lock (_gate)
        {
            _rung = true;
            Rouse();
        }
    }

    /// <summary>Asks to be woken when something falls due.</summary>
    public void RingAt(DateTimeOffset due)
    {
        // Rounded up to a grain, so that any number of retries is at most fifty alarms a second.
        var grains = (due.UtcTicks + Grain.Ticks - 1) / Grain.Ticks;
        var alarm = new DateTimeOffset(grains * Grain.Ticks, TimeSpan.Zero);
        lock (_gate)
        {
            if (_alarms.Add(alarm) && _alarms.Min == alarm) Rouse();
        }
    }

    /// <summary>Rings here, and tells the other nodes that rows wait for a claim. Many calls under load become few notifications.</summary>
    public void NotifyUnowned()
    {
        Ring();
        while (true)
        {
            // From the state seen or not at all: "again" written when the notifier has just ended would silence it for good.
            var seen = Volatile.Read(ref _notify);
            if (seen == NotifyAgain) return;
            if (Interlocked.CompareExchange(ref _notify, seen == Idle ? Notifying : NotifyAgain, seen) != seen) continue;
            if (seen == Idle) _ = NotifyAsync();
            return;
        }
    }

    /// <summary>Sleeps until rung, until the next alarm, or for the time given.</summary>
    public async Task SleepAsync(TimeSpan atMost, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            TimeSpan wait;
            lock (_gate)
            {
                var now = time.GetUtcNow();
                while (_alarms.Count > 0 && _alarms.Min <= now) _rung |= _alarms.Remove(_alarms.Min);
                if (_rung)
                {
                    _rung = false;
                    return;
                }

                wait = atMost - time.GetElapsedTime(began);
                if (wait <= TimeSpan.Zero) return;
                if (_alarms.Count > 0 && _alarms.Min - now < wait) wait = _alarms.Min - now;
            }

            // Timers count whole milliseconds: rounded up, so that what is due is due when we look.
            await _bell.WaitAsync(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), ct);
        }
    }

    private void Rouse()
    {
        if (_bell.CurrentCount == 0) _bell.Release();
    }

    private async Task NotifyAsync()
    {
        do
        {
            Volatile.Write(ref _notify, Notifying);
            try
            {
                await using var command = source.CreateCommand("SELECT pg_notify('dispatcher_wake', '')");
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception)
            {
                // Whatever it was: polling finds the rows all the same.
            }
        }
        while (Interlocked.CompareExchange(ref _notify, Idle, Notifying) != Notifying);
    }
}
