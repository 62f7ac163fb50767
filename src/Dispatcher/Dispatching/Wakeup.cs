// Wakes the claimer: when rows are left unowned here or elsewhere, when a retry falls due, when a lane has room again.

using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>An alarm for one sleeper: rings at once, or at the earliest time asked for. A ring while it is awake is not lost.</summary>
internal sealed class Wakeup(NpgsqlDataSource source, TimeProvider time) : IDisposable
{
    private const int Idle = 0;
    private const int Notifying = 1;
    private const int NotifyAgain = 2;

    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Lock _gate = new();
    private DateTimeOffset _alarm = DateTimeOffset.MaxValue;
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
        lock (_gate)
        {
            if (due >= _alarm) return;
            _alarm = due;
            Rouse();
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

    /// <summary>Sleeps until rung, until the alarm, or for the time given.</summary>
    public async Task SleepAsync(TimeSpan atMost, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            TimeSpan wait;
            lock (_gate)
            {
                if (_rung || _alarm <= time.GetUtcNow())
                {
                    if (!_rung) _alarm = DateTimeOffset.MaxValue;
                    _rung = false;
                    return;
                }

                wait = atMost - time.GetElapsedTime(began);
                if (wait <= TimeSpan.Zero) return;
                var untilAlarm = _alarm - time.GetUtcNow();
                if (untilAlarm < wait) wait = untilAlarm;
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
