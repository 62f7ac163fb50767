// Reads statistics: from the counters, and what waits from the queue, with bounded scans.

using Dispatcher.Access;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Statistics;

internal sealed class StatisticsReader(NpgsqlDataSource source, CounterFlush flush, TimeProvider time)
{
    public const int MostPending = 10_000;
    public const int MostDepth = 100_000;

    /// <summary>Whether there is such an integration for the tenant to see.</summary>
    public async Task<bool> ExistsAsync(Tenant tenant, Guid integration, CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            SELECT EXISTS (
                SELECT FROM dispatcher.integration
                WHERE organization_id = $1 AND id = $2 AND deleted_at IS NULL AND ($3::text IS NULL OR project = $3))
            """);
        command.Parameters.AddWithValue(tenant.Organization);
        command.Parameters.AddWithValue(integration);
        command.Parameters.AddWithValue((object?)tenant.Project ?? DBNull.Value);
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }

    public async Task<IntegrationStats> OfIntegrationAsync(Tenant tenant, Guid integration, StatisticsPeriod period, CancellationToken ct)
    {
        var (total, points) = await ReadAsync(tenant.Organization, integration, period, ct);
        // Served by queue_by_lane.
        var pending = await CountAsync("SELECT FROM dispatcher.queue WHERE integration_id = $1", integration, MostPending, ct);
        return new IntegrationStats(
            Ids.Format(Ids.Integration, integration), period.Since, period.Until ?? time.GetUtcNow(), period.Resolution,
            total.AttemptStats, total.Deliveries, total.SuccessRate, total.Latency, Math.Min(pending, MostPending), pending > MostPending,
            points.ConvertAll(p => new StatsPoint(
                p.At, p.Sums.Succeeded, p.Sums.Failed, p.Sums.Percentile(0.5), p.Sums.Percentile(0.95), p.Sums.Percentile(0.99))));
    }

    /// <param name="organization">Null: the whole server.</param>
    /// <param name="period">When.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<ServerStats> OfServerAsync(string? organization, StatisticsPeriod period, CancellationToken ct)
    {
        var (total, points) = await ReadAsync(organization ?? "", Guid.Empty, period, ct);
        return new ServerStats(
            organization, period.Since, period.Until ?? time.GetUtcNow(), period.Resolution, new AcceptedStats(total.Events, total.MadeDeliveries),
            total.AttemptStats, total.Deliveries, total.SuccessRate, total.Latency, await QueueAsync(organization, ct),
            points.ConvertAll(p => new ServerStatsPoint(
                p.At, p.Sums.Events, p.Sums.Deliveries.Succeeded, p.Sums.Deliveries.Exhausted, p.Sums.Succeeded, p.Sums.Failed,
                p.Sums.Percentile(0.5), p.Sums.Percentile(0.95), p.Sums.Percentile(0.99))));
    }

    /// <summary>What waits now, on the whole server.</summary>
    public Task<QueueStats> WaitingAsync(CancellationToken ct) => QueueAsync(null, ct);

    private async Task<(StatisticsSums Total, List<(DateTimeOffset At, StatisticsSums Sums)> Points)> ReadAsync(
        string organization, Guid integration, StatisticsPeriod period, CancellationToken ct)
    {
        // Whoever asks reads what this node has done up to now. What others did in the last seconds may be missing.
        await flush.FlushAsync(ct);
        await using var command = source.CreateCommand(
            $"""
            SELECT at, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from, outcomes, latency
            FROM dispatcher.stats_{period.Resolution}
            WHERE organization_id = $1 AND integration_id = $2 AND at >= $3 AND at < $4
            """);
        command.Parameters.AddWithValue(organization);
        command.Parameters.AddWithValue(integration);
        command.Parameters.AddWithValue(period.Since);
        command.Parameters.AddWithValue(period.Until ?? DateTimeOffset.MaxValue);
        var total = new StatisticsSums();
        var found = new SortedDictionary<DateTimeOffset, StatisticsSums>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var row = new CounterRow(
                organization, integration, reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt64(5),
                reader.GetInt64(6), reader.GetInt16(7), reader.GetFieldValue<long[]>(8), reader.GetFieldValue<long[]>(9));
            var sums = new StatisticsSums();
            sums.Add(row);
            total.Add(row);
            found.Add(reader.GetFieldValue<DateTimeOffset>(0), sums);
        }

        DateTimeOffset? last = found.Count > 0 ? found.Keys.Last() : null;
        return (total, [.. period.Points(time.GetUtcNow(), last).Select(at => (at, found.GetValueOrDefault(at) ?? new StatisticsSums()))]);
    }

    private async Task<QueueStats> QueueAsync(string? organization, CancellationToken ct)
    {
        // Of one organization served by the primary key.
        var depth = organization is null
            ? await CountAsync("SELECT FROM dispatcher.queue", null, MostDepth, ct)
            : await CountAsync("SELECT FROM dispatcher.queue WHERE organization_id = $1", organization, MostDepth, ct);
        // One probe of queue_by_lane for each integration, however many wait behind it.
        await using var command = source.CreateCommand(
            """
            SELECT min(first.due_at)
            FROM dispatcher.integration i
            CROSS JOIN LATERAL (
                SELECT q.due_at FROM dispatcher.queue q WHERE q.integration_id = i.id AND q.due_at <= now() ORDER BY q.due_at LIMIT 1) first
            WHERE i.enabled AND i.deleted_at IS NULL AND ($1::text IS NULL OR i.organization_id = $1)
            """);
        command.Parameters.AddWithValue((object?)organization ?? DBNull.Value);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new QueueStats(Math.Min(depth, MostDepth), depth > MostDepth, reader.IsDBNull(0) ? null : reader.GetFieldValue<DateTimeOffset>(0));
    }

    /// <summary>Counts the rows of a query, up to one more than asked for.</summary>
    private async Task<int> CountAsync(string rows, object? parameter, int most, CancellationToken ct)
    {
        await using var command = source.CreateCommand($"SELECT count(*)::integer FROM ({rows} LIMIT {most + 1}) AS counted");
        if (parameter is not null) command.Parameters.AddWithValue(parameter);
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }
}
