// How far back in time so many deliveries lie, by what the whole server counted hour by hour.

using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>An estimate, and cheap: one row an hour. What was not counted, or is gone by now, makes it wrong, and nothing else.</summary>
internal sealed class ServerPace
{
    private readonly List<(DateTimeOffset At, long Made)> _hours;
    private readonly DateTimeOffset _now;

    /// <param name="hours">When each hour began and how many deliveries were made in it, the newest first.</param>
    /// <param name="now">The time: where the newest hour ends, so far.</param>
    public ServerPace(List<(DateTimeOffset At, long Made)> hours, DateTimeOffset now) => (_hours, _now) = (hours, now);

    public static async Task<ServerPace> ReadAsync(NpgsqlDataSource source, DateTimeOffset now, CancellationToken ct)
    {
        // A range of the primary key: the rows of the server itself.
        await using var command = source.CreateCommand(
            """
            SELECT at, deliveries FROM dispatcher.stats_hour
            WHERE organization_id = '' AND integration_id = '00000000-0000-0000-0000-000000000000' AND deliveries > 0 ORDER BY at DESC
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var hours = new List<(DateTimeOffset, long)>();
        while (await reader.ReadAsync(ct)) hours.Add((reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt64(1)));
        return new ServerPace(hours, now);
    }

    /// <summary>When the first of so many deliveries before a time was made; null: fewer were.</summary>
    public DateTimeOffset? Before(DateTimeOffset time, double deliveries)
    {
        foreach (var (at, made) in _hours)
        {
            if (at >= time) continue;
            var end = at.AddHours(1) < _now ? at.AddHours(1) : _now;
            if (end <= at) continue;
            var perTick = made / (double)(end - at).Ticks;
            var ticks = ((time < end ? time : end) - at).Ticks;
            if (perTick * ticks >= deliveries) return at.AddTicks(ticks - (long)(deliveries / perTick));
            deliveries -= perTick * ticks;
        }

        return null;
    }
}
