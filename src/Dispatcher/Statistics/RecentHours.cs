// The last hours of several integrations at once, for lists: one statement, however many there are.

using Npgsql;

namespace Dispatcher.Statistics;

/// <summary>Attempts of one integration, hour by hour, oldest first; the last hour is the one that is not over.</summary>
/// <param name="Succeeded">Attempts that succeeded.</param>
/// <param name="Failed">Attempts that failed, as many hours.</param>
internal sealed record HourlyAttempts(long[] Succeeded, long[] Failed);

internal sealed class RecentHours(NpgsqlDataSource source, CounterFlush flush, TimeProvider time)
{
    /// <summary>How many hours there are.</summary>
    public const int Count = 24;

    /// <param name="organization">Whose they are.</param>
    /// <param name="integrations">Their ids. One that had no attempts is left out of the answer.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<Dictionary<Guid, HourlyAttempts>> OfAsync(string organization, Guid[] integrations, CancellationToken ct)
    {
        var found = new Dictionary<Guid, HourlyAttempts>();
        if (integrations.Length == 0) return found;
        // As in StatisticsReader: what this node has done up to now counts.
        await flush.FlushAsync(ct);
        var now = time.GetUtcNow();
        var first = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero) - TimeSpan.FromHours(Count - 1);
        // Served by the primary key: a short range of each integration.
        await using var command = source.CreateCommand(
            "SELECT integration_id, at, outcomes FROM dispatcher.stats_hour WHERE organization_id = $1 AND integration_id = ANY ($2) AND at >= $3");
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(integrations);
        command.Parameters.AddWithValue(first);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            // The database's clock may be ahead of ours: what is later than the last hour counts as that.
            var hour = Math.Min(Count - 1, (int)(reader.GetFieldValue<DateTimeOffset>(1) - first).TotalHours);
            var integration = reader.GetGuid(0);
            if (!found.TryGetValue(integration, out var hours)) found[integration] = hours = new HourlyAttempts(new long[Count], new long[Count]);
            var sums = new StatisticsSums();
            sums.AddOutcomes(reader.GetFieldValue<long[]>(2));
            hours.Succeeded[hour] += sums.Succeeded;
            hours.Failed[hour] += sums.Failed;
        }

        return found;
    }
}
