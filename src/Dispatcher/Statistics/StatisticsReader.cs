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
        var (total, points) = await ReadAsync(Rows(tenant.Organization, integration, null), period, ct);
        // Served by queue_by_lane.
        var lane = new Where().And("integration_id = {0}", integration);
        var pending = await CountAsync($"SELECT FROM dispatcher.queue WHERE {lane}", lane, MostPending, ct);
        return new IntegrationStats(
            Ids.Format(Ids.Integration, integration), period.Since, period.Until ?? time.GetUtcNow(), period.Resolution,
            total.AttemptStats, total.Deliveries, total.SuccessRate, total.Latency, Math.Min(pending, MostPending), pending > MostPending,
            points.ConvertAll(p => new StatsPoint(
                p.At, p.Sums.Succeeded, p.Sums.Failed, p.Sums.Percentile(0.5), p.Sums.Percentile(0.95), p.Sums.Percentile(0.99))));
    }

    /// <summary>Of the server, an organization, or a project of it.</summary>
    /// <param name="organization">Null: the whole server.</param>
    /// <param name="project">Null: all of the organization.</param>
    /// <param name="period">When.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<ServerStats> OfScopeAsync(string? organization, string? project, StatisticsPeriod period, CancellationToken ct)
    {
        var (total, points) = await ReadAsync(Rows(organization, Guid.Empty, project), period, ct);
        var accepted = project is null;
        return new ServerStats(
            organization, project, period.Since, period.Until ?? time.GetUtcNow(), period.Resolution,
            accepted ? new AcceptedStats(total.Events, total.MadeDeliveries) : null,
            total.AttemptStats, total.Deliveries, total.SuccessRate, total.Latency, await QueueAsync(organization, project, ct),
            points.ConvertAll(p => new ServerStatsPoint(
                p.At, accepted ? p.Sums.Events : null, p.Sums.Deliveries.Succeeded, p.Sums.Deliveries.Exhausted, p.Sums.Succeeded, p.Sums.Failed,
                p.Sums.Percentile(0.5), p.Sums.Percentile(0.95), p.Sums.Percentile(0.99))));
    }

    /// <summary>What waits now, on the whole server.</summary>
    public Task<QueueStats> WaitingAsync(CancellationToken ct) => QueueAsync(null, null, ct);

    /// <summary>The rows that hold the counts of an integration, an organization or the server; of a project, those of its integrations.</summary>
    private static Where Rows(string? organization, Guid integration, string? project)
    {
        var rows = new Where().And("s.organization_id = {0}", organization ?? "");
        // Those of an organization have a row of their own; those of a project are few, and found one by one by the primary key.
        return project is null
            ? rows.And("s.integration_id = {0}", integration)
            : rows.And(
                "s.integration_id = ANY (ARRAY(SELECT i.id FROM dispatcher.integration i WHERE i.organization_id = s.organization_id AND i.project = {0}))", project);
    }

    private async Task<(StatisticsSums Total, List<(DateTimeOffset At, StatisticsSums Sums)> Points)> ReadAsync(
        Where rows, StatisticsPeriod period, CancellationToken ct)
    {
        // Whoever asks reads what this node has done up to now. What others did in the last seconds may be missing.
        await flush.FlushAsync(ct);
        rows.And("s.at >= {0}", period.Since).And("s.at < {0}", period.Until ?? DateTimeOffset.MaxValue);
        await using var command = rows.ToCommand(
            source,
            $"""
            SELECT at, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from, outcomes, latency
            FROM dispatcher.stats_{period.Resolution} s
            WHERE {rows}
            """);
        var total = new StatisticsSums();
        var found = new SortedDictionary<DateTimeOffset, StatisticsSums>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var row = new CounterRow(
                "", Guid.Empty, reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3), reader.GetInt64(4), reader.GetInt64(5),
                reader.GetInt64(6), reader.GetInt16(7), reader.GetFieldValue<long[]>(8), reader.GetFieldValue<long[]>(9));
            total.Add(row);
            var at = period.PointOf(reader.GetFieldValue<DateTimeOffset>(0));
            if (!found.TryGetValue(at, out var sums)) found.Add(at, sums = new StatisticsSums());
            sums.Add(row);
        }

        DateTimeOffset? last = found.Count > 0 ? found.Keys.Last() : null;
        return (total, [.. period.Points(time.GetUtcNow(), last).Select(at => (at, found.GetValueOrDefault(at) ?? new StatisticsSums()))]);
    }

    private async Task<QueueStats> QueueAsync(string? organization, string? project, CancellationToken ct)
    {
        // Of all by any order, of an organization by the primary key, of a project by queue_by_lane.
        var rows = (organization, project) switch
        {
            (null, _) => new Where(),
            (_, null) => new Where().And("q.organization_id = {0}", organization),
            _ => new Where().And("i.organization_id = {0}", organization).And("i.project = {0}", project),
        };
        var depth = await CountAsync(
            project is null
                ? $"SELECT FROM dispatcher.queue q WHERE {rows}"
                : $"SELECT FROM dispatcher.integration i CROSS JOIN LATERAL (SELECT FROM dispatcher.queue q WHERE q.integration_id = i.id LIMIT {MostDepth + 1}) q WHERE {rows}",
            rows, MostDepth, ct);
        // One probe of queue_by_lane for each integration, however many wait behind it.
        var lanes = new Where().And("i.organization_id = {0}", organization).And("i.project = {0}", project);
        await using var command = lanes.ToCommand(
            source,
            $"""
            SELECT min(first.due_at)
            FROM dispatcher.integration i
            CROSS JOIN LATERAL (
                SELECT q.due_at FROM dispatcher.queue q WHERE q.integration_id = i.id AND q.due_at <= now() ORDER BY q.due_at LIMIT 1) first
            WHERE i.enabled AND i.deleted_at IS NULL AND {lanes}
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new QueueStats(Math.Min(depth, MostDepth), depth > MostDepth, reader.IsDBNull(0) ? null : reader.GetFieldValue<DateTimeOffset>(0));
    }

    /// <summary>Counts the rows of a query, up to one more than asked for.</summary>
    private async Task<int> CountAsync(string query, Where parameters, int most, CancellationToken ct)
    {
        await using var command = parameters.ToCommand(source, $"SELECT count(*)::integer FROM ({query} LIMIT {most + 1}) AS counted");
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }
}
