// What wakes the claimer, and for which lanes: rows left unowned here or elsewhere, retries that fall due, lanes with room again.

using System.Globalization;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>What there is to ask the database for.</summary>
/// <param name="Lanes">Integrations that probably have rows that are due.</param>
/// <param name="All">Whether any integration may have.</param>
internal readonly record struct Asked(HashSet<Guid> Lanes, bool All);

/// <summary>
/// The claimer's alarm clock. Lanes are named, so that a retry of one integration costs one probe, whatever else waits. Whatever is
/// lost here (a notification, an alarm too many) is found by the claimer's sweeps.
/// </summary>
internal sealed class Wakeup(NpgsqlDataSource source, TimeProvider time) : IDisposable
{
    public const string Channel = "dispatcher_wake";

    // A notification carries at most 8,000 bytes; an id has 32.
    private const int MaxTold = 200;

    /// <summary>Alarms kept; what is beyond is left to the sweeps.</summary>
    private const int MaxAlarms = 20_000;

    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Lock _gate = new();
    private readonly SortedDictionary<DateTimeOffset, HashSet<Guid>> _alarms = [];
    private readonly HashSet<Guid> _told = [];
    private HashSet<Guid> _asked = [];
    private int _alarmCount;
    private bool _all;
    private bool _tellAll;
    private bool _telling;

    public void Dispose() => _bell.Dispose();

    /// <summary>Has the lane asked for at once.</summary>
    public void Ask(Guid lane) => Ask([lane]);

    public void Ask(ReadOnlySpan<Guid> lanes)
    {
        lock (_gate)
        {
            foreach (var lane in lanes) _asked.Add(lane);
            Rouse();
        }
    }

    /// <summary>Has every lane asked for at once.</summary>
    public void AskAll()
    {
        lock (_gate)
        {
            _all = true;
            Rouse();
        }
    }

    /// <summary>Has the lane asked for when something of it falls due.</summary>
    public void AskAt(Guid lane, DateTimeOffset due)
    {
        // Rounded up to a grain, so that any number of retries of a lane is at most fifty alarms a second.
        var grains = (due.UtcTicks + Grain.Ticks - 1) / Grain.Ticks;
        var alarm = new DateTimeOffset(grains * Grain.Ticks, TimeSpan.Zero);
        lock (_gate)
        {
            if (_alarmCount >= MaxAlarms) return;
            if (!_alarms.TryGetValue(alarm, out var lanes)) _alarms.Add(alarm, lanes = []);
            if (!lanes.Add(lane)) return;
            _alarmCount++;
            if (_alarms.First().Key == alarm) Rouse();
        }
    }

    /// <summary>Has the lanes asked for here, and by the other nodes. Many calls under load become few notifications.</summary>
    public void Tell(ReadOnlySpan<Guid> lanes)
    {
        lock (_gate)
        {
            foreach (var lane in lanes) _told.Add(lane);
        }

        Ask(lanes);
        StartTelling();
    }

    /// <summary>As <see cref="Tell"/>, of every lane.</summary>
    public void TellAll()
    {
        lock (_gate) _tellAll = true;
        AskAll();
        StartTelling();
    }

    /// <summary>What another node told, or <c>dispatcher.publish</c>: integrations' ids, comma-separated; nothing at all for every lane.</summary>
    public void Heard(string payload)
    {
        var lanes = new List<Guid>();
        foreach (var part in payload.AsSpan().Split(','))
        {
            if (Guid.TryParse(payload.AsSpan(part), CultureInfo.InvariantCulture, out var lane)) lanes.Add(lane);
        }

        if (lanes.Count == 0) AskAll();
        else Ask([.. lanes]);
    }

    /// <summary>Waits until there is something to ask for, at most for the time given; then hands it over.</summary>
    public async Task<Asked> WaitAsync(TimeSpan atMost, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            TimeSpan wait;
            lock (_gate)
            {
                var now = time.GetUtcNow();
                RingAlarms(now);
                wait = atMost - time.GetElapsedTime(began);
                if (_asked.Count > 0 || _all || wait <= TimeSpan.Zero) return TakeAsked();
                if (_alarms.Count > 0 && _alarms.First().Key - now < wait) wait = _alarms.First().Key - now;
            }

            // Timers count whole milliseconds: rounded up, so that what is due is due when we look.
            await _bell.WaitAsync(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), ct);
        }
    }

    private void RingAlarms(DateTimeOffset now)
    {
        while (_alarms.Count > 0 && _alarms.First() is var (due, lanes) && due <= now)
        {
            _alarms.Remove(due);
            _alarmCount -= lanes.Count;
            _asked.UnionWith(lanes);
        }
    }

    private Asked TakeAsked()
    {
        var asked = new Asked(_asked, _all);
        (_asked, _all) = ([], false);
        return asked;
    }

    private void Rouse()
    {
        if (_bell.CurrentCount == 0) _bell.Release();
    }

    private void StartTelling()
    {
        lock (_gate)
        {
            if (_telling) return;
            _telling = true;
        }

        _ = TellOthersAsync();
    }

    private async Task TellOthersAsync()
    {
        while (TakeTold() is { } payload)
        {
            try
            {
                await using var command = source.CreateCommand("SELECT pg_notify($1, $2)");
                command.Parameters.AddWithValue(Channel);
                command.Parameters.AddWithValue(payload);
                await command.ExecuteNonQueryAsync();
            }
            catch (Exception)
            {
                // Whatever it was: sweeps find the rows all the same.
            }
        }
    }

    private string? TakeTold()
    {
        lock (_gate)
        {
            _telling = _tellAll || _told.Count > 0;
            if (!_telling) return null;
            var payload = _tellAll || _told.Count > MaxTold ? "" : string.Join(',', _told.Select(lane => lane.ToString("N")));
            _tellAll = false;
            _told.Clear();
            return payload;
        }
    }
}
