// The flush: one statement that adds the counts of a node to the rows of this minute and of this hour.

using Npgsql;
using NpgsqlTypes;

namespace Dispatcher.Statistics;

internal static class FlushStatement
{
    // The database's clock says which minute it is, so that all nodes agree: counts are those of the minute in which they are flushed.
    // The row of stats_writer makes a flush count once, however often it is tried: the second time its number is not new.
    private const string Sql =
        $"""
        WITH turn AS (
            INSERT INTO dispatcher.stats_writer AS w (id, flush) VALUES ($1, $2)
            ON CONFLICT (id) DO UPDATE SET flush = excluded.flush, flushed_at = now() WHERE w.flush < excluded.flush
            RETURNING w.id
        ), counted AS MATERIALIZED (
            SELECT r.*, ($12::bigint[])[r.outcomes_first:r.latency_first - 1] AS outcomes, ($12::bigint[])[r.latency_first:r.latency_last] AS latency
            FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $13, $14, $15) WITH ORDINALITY AS r (
                organization_id, integration_id, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from,
                outcomes_first, latency_first, latency_last, n)
            CROSS JOIN turn
        ), minutes AS (
            {IntoMinutes}
        ), hours AS (
            {IntoHours}
        )
        SELECT 1
        """;

    private const string IntoMinutes = $"INSERT INTO dispatcher.stats_minute AS s ({Columns}) SELECT {Values}, date_trunc('minute', now(), 'UTC') {Add}";
    private const string IntoHours = $"INSERT INTO dispatcher.stats_hour AS s ({Columns}) SELECT {Values}, date_trunc('hour', now(), 'UTC') {Add}";

    private const string Columns =
        "organization_id, integration_id, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from, outcomes, latency, at";

    private const string Values =
        "c.organization_id, c.integration_id, c.events, c.deliveries, c.succeeded, c.exhausted, c.cancelled, c.latency_us, c.latency_from, c.outcomes, c.latency";

    // Written out rather than called as functions: that takes a third of the time. Outside of an array's bounds there are NULLs.
    private const string Add =
        """
        FROM counted c ORDER BY c.n
            ON CONFLICT (organization_id, integration_id, at) DO UPDATE SET
                events = s.events + excluded.events, deliveries = s.deliveries + excluded.deliveries,
                succeeded = s.succeeded + excluded.succeeded, exhausted = s.exhausted + excluded.exhausted,
                cancelled = s.cancelled + excluded.cancelled, latency_us = s.latency_us + excluded.latency_us,
                outcomes = ARRAY(
                    SELECT coalesce(s.outcomes[i], 0) + coalesce(excluded.outcomes[i], 0)
                    FROM generate_series(1, greatest(cardinality(s.outcomes), cardinality(excluded.outcomes))) AS i),
                latency_from = CASE
                    WHEN excluded.latency = '{}' THEN s.latency_from
                    WHEN s.latency = '{}' THEN excluded.latency_from
                    ELSE least(s.latency_from, excluded.latency_from) END,
                latency = CASE
                    WHEN excluded.latency = '{}' THEN s.latency
                    WHEN s.latency = '{}' THEN excluded.latency
                    ELSE ARRAY(
                        SELECT coalesce(s.latency[i - s.latency_from + 1], 0) + coalesce(excluded.latency[i - excluded.latency_from + 1], 0)
                        FROM generate_series(
                            least(s.latency_from, excluded.latency_from)::integer,
                            greatest(s.latency_from + cardinality(s.latency), excluded.latency_from + cardinality(excluded.latency)) - 1) AS i) END
        """;

    /// <summary>Adds rows, which stand in the order in which all nodes write.</summary>
    /// <param name="writer">This process.</param>
    /// <param name="flush">Counts up; a number that was flushed before adds nothing.</param>
    /// <param name="rows">From <see cref="Counters.Take"/>.</param>
    /// <param name="source">The database.</param>
    /// <param name="ct">Cancelled, the flush may have happened or not: try it again under the same number.</param>
    public static async Task ExecuteAsync(Guid writer, long flush, List<CounterRow> rows, NpgsqlDataSource source, CancellationToken ct)
    {
        // Lists of many lengths do not fit an array of arrays: they are sent one after the other, with the place of each.
        var counts = new List<long>();
        var outcomesFirst = new int[rows.Count];
        var latencyFirst = new int[rows.Count];
        var latencyLast = new int[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            outcomesFirst[i] = counts.Count + 1;
            counts.AddRange(rows[i].Outcomes);
            latencyFirst[i] = counts.Count + 1;
            counts.AddRange(rows[i].Latencies);
            latencyLast[i] = counts.Count;
        }

        await using var command = source.CreateCommand(Sql);
        command.Parameters.AddWithValue(writer);
        command.Parameters.AddWithValue(flush);
        Column(NpgsqlDbType.Text, r => r.Organization);
        Column(NpgsqlDbType.Uuid, r => r.Integration);
        Column(NpgsqlDbType.Bigint, r => r.Events);
        Column(NpgsqlDbType.Bigint, r => r.Deliveries);
        Column(NpgsqlDbType.Bigint, r => r.Succeeded);
        Column(NpgsqlDbType.Bigint, r => r.Exhausted);
        Column(NpgsqlDbType.Bigint, r => r.Cancelled);
        Column(NpgsqlDbType.Bigint, r => r.LatencyMicroseconds);
        Column(NpgsqlDbType.Smallint, r => r.LatencyFrom);
        command.Parameters.AddWithValue(counts.ToArray());
        command.Parameters.AddWithValue(outcomesFirst);
        command.Parameters.AddWithValue(latencyFirst);
        command.Parameters.AddWithValue(latencyLast);
        await command.ExecuteNonQueryAsync(ct);

        void Column<T>(NpgsqlDbType type, Converter<CounterRow, T> column) =>
            command.Parameters.Add(new NpgsqlParameter { Value = rows.ConvertAll(column).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | type });
    }
}
