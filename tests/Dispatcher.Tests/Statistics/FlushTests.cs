// The flush against a real database: counts add up, each once, whoever writes; partitions come and go.

using System.Diagnostics.Metrics;
using Dispatcher.Sending;
using Dispatcher.Statistics;
using Dispatcher.Storage;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Dispatcher.Tests.Statistics;

public sealed class FlushTests(PostgresFixture postgres)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_flush_that_is_tried_again_under_its_number_counts_once()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var source = server.Services.GetRequiredService<NpgsqlDataSource>();
        var (writer, integration) = (Guid.NewGuid(), Guid.NewGuid());
        var rows = Rows((integration, SendOutcome.Succeeded, 1));

        await FlushStatement.ExecuteAsync(writer, 1, rows, source, Ct);
        await FlushStatement.ExecuteAsync(writer, 1, rows, source, Ct);
        Assert.Equal(1, await AttemptsAsync(server, integration));

        await FlushStatement.ExecuteAsync(writer, 2, rows, source, Ct);
        await FlushStatement.ExecuteAsync(Guid.NewGuid(), 1, rows, source, Ct);
        Assert.Equal(3, await AttemptsAsync(server, integration));
    }

    [Fact]
    public async Task Histograms_that_lie_apart_are_added_bucket_by_bucket()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var source = server.Services.GetRequiredService<NpgsqlDataSource>();
        var (writer, integration) = (Guid.NewGuid(), Guid.NewGuid());
        var reader = server.Services.GetRequiredService<StatisticsReader>();
        var tenant = new Access.Tenant("one", null);
        var none = new Counters(new EngineMeter(new Meter("Tests")));
        none.Ended("one", integration, DeliveryEnd.Cancelled, 1);

        // Without latencies first, then from the middle, above, below, over all, and without once more.
        await FlushStatement.ExecuteAsync(writer, 1, none.Take()!, source, Ct);
        await FlushStatement.ExecuteAsync(writer, 2, Rows((integration, SendOutcome.Succeeded, 100), (integration, SendOutcome.Succeeded, 100)), source, Ct);
        await FlushStatement.ExecuteAsync(writer, 3, Rows((integration, SendOutcome.ServerError, 1500)), source, Ct);
        await FlushStatement.ExecuteAsync(writer, 4, Rows((integration, SendOutcome.ProxyFailed, 3)), source, Ct);
        await FlushStatement.ExecuteAsync(writer, 5, Rows((integration, SendOutcome.Succeeded, 0), (integration, SendOutcome.Succeeded, 200_000)), source, Ct);
        none.Ended("one", integration, DeliveryEnd.Cancelled, 1);
        await FlushStatement.ExecuteAsync(writer, 6, none.Take()!, source, Ct);

        foreach (var since in new[] { TimeSpan.FromHours(5), TimeSpan.FromHours(7) })
        {
            var now = TimeProvider.System.GetUtcNow();
            var stats = await reader.OfIntegrationAsync(tenant, integration, StatisticsPeriod.Of(now - since, null, now), Ct);
            Assert.Equal((4, 2, 6), (stats.Attempts.Succeeded, stats.Attempts.Failed, stats.Attempts.Total));
            Assert.Equal((1, 1, 2), (stats.Attempts.ByOutcome["server_error"], stats.Attempts.ByOutcome["proxy_failed"], stats.Deliveries.Cancelled));
            // In order: 0, 3, 100, 100, 1500, 200000.
            Assert.InRange(stats.LatencyMs!.P50, 100 * (1 - LatencyHistogram.MaxError), 100 * (1 + LatencyHistogram.MaxError));
            Assert.InRange(stats.LatencyMs.P99, 200_000 * (1 - LatencyHistogram.MaxError), 200_000 * (1 + LatencyHistogram.MaxError));
            Assert.Equal(Math.Round((3 + 200 + 1500 + 200_000) / 6d, 3), stats.LatencyMs.Mean);
        }
    }

    [Fact]
    public async Task Nodes_that_flush_the_same_integrations_at_once_neither_deadlock_nor_lose_a_count()
    {
        const int flushes = 15;
        await using var server = await TestServer.StartAsync(postgres);
        var source = server.Services.GetRequiredService<NpgsqlDataSource>();
        var integrations = Enumerable.Range(0, 200).Select(_ => Guid.NewGuid()).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 3).Select(async node =>
        {
            var writer = Guid.NewGuid();
            var random = new Random(node);
            for (var flush = 1; flush <= flushes; flush++)
            {
                var seen = integrations.ToArray();
                random.Shuffle(seen);
                await FlushStatement.ExecuteAsync(writer, flush, Rows([.. seen.Select(i => (i, SendOutcome.Succeeded, 5))]), source, Ct);
            }
        }));

        var records = new Records(server.ConnectionString);
        Assert.Equal(3 * flushes * 200L, await records.ScalarAsync<long>("SELECT sum(outcomes[1])::bigint FROM dispatcher.stats_minute WHERE organization_id = 'one' AND integration_id <> '00000000-0000-0000-0000-000000000000'"));
        Assert.Equal(3 * flushes * 200L, await records.ScalarAsync<long>("SELECT sum(outcomes[1])::bigint FROM dispatcher.stats_hour WHERE organization_id = ''"));
    }

    [Fact]
    public async Task What_cannot_be_flushed_is_kept_and_flushed_later()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var records = new Records(server.ConnectionString);
        var counters = server.Services.GetRequiredService<Counters>();
        var flush = server.Services.GetRequiredService<CounterFlush>();
        var integration = Guid.NewGuid();
        await records.ExecuteAsync("ALTER TABLE dispatcher.stats_hour RENAME TO away");

        counters.Attempt("one", integration, SendOutcome.Succeeded, TimeSpan.FromMilliseconds(1), DeliveryEnd.Succeeded);
        Assert.False(await flush.FlushAsync(Ct));
        counters.Attempt("one", integration, SendOutcome.Succeeded, TimeSpan.FromMilliseconds(1), DeliveryEnd.Succeeded);
        Assert.False(await flush.FlushAsync(Ct));
        await records.ExecuteAsync("ALTER TABLE dispatcher.away RENAME TO stats_hour");
        Assert.True(await flush.FlushAsync(Ct));

        Assert.Equal(2, await AttemptsAsync(server, integration));
    }

    [Fact]
    public async Task Partitions_are_made_ahead_of_time()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var records = new Records(server.ConnectionString);

        var minutes = await records.ScalarAsync<string[]>(NamesOf("stats_minute"));
        var hours = await records.ScalarAsync<string[]>(NamesOf("stats_hour"));

        var today = TimeProvider.System.GetUtcNow().UtcDateTime.Date;
        Assert.Contains($"stats_minute_{today:yyyyMMdd}", minutes);
        Assert.Contains($"stats_minute_{today.AddDays(Partitions.DaysAhead):yyyyMMdd}", minutes);
        Assert.Contains($"stats_hour_{today:yyyyMM}01", hours);
        Assert.Contains($"stats_hour_{today.AddDays(Partitions.DaysAhead):yyyyMM}01", hours);
    }

    [Fact]
    public async Task Minutes_are_dropped_after_two_days_and_hours_with_the_whole_month_after_the_retention()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var records = new Records(server.ConnectionString);
        var source = server.Services.GetRequiredService<NpgsqlDataSource>();
        await records.ExecuteAsync("SELECT dispatcher.ensure_stats_partitions('2026-02-20', '2026-04-02')");
        await records.ExecuteAsync("INSERT INTO dispatcher.stats_hour VALUES ('one', gen_random_uuid(), '2026-03-31T23:00:00Z', 0, 0, 0, 0, 0, 0, 0, '{}', '{}')");

        await StatisticsPartitions.DropExpiredAsync(source, new ClockAt(new DateTimeOffset(2026, 4, 1, 0, 0, 0, TimeSpan.Zero)), 30, Ct);

        var minutes = await records.ScalarAsync<string[]>(NamesOf("stats_minute"));
        var hours = await records.ScalarAsync<string[]>(NamesOf("stats_hour"));
        Assert.DoesNotContain("stats_minute_20260329", minutes);
        Assert.Contains("stats_minute_20260330", minutes);
        // 30 days before is the second of March: February has gone, March is still wanted.
        Assert.DoesNotContain("stats_hour_20260201", hours);
        Assert.Contains("stats_hour_20260301", hours);
    }

    private static string NamesOf(string table) =>
        $"SELECT array_agg(c.relname::text) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'dispatcher.{table}'::regclass";

    private static Task<long> AttemptsAsync(TestServer server, Guid integration) => new Records(server.ConnectionString).ScalarAsync<long>(
        $"SELECT coalesce(sum(outcomes[1]), 0)::bigint FROM dispatcher.stats_hour WHERE integration_id = '{integration}'");

    private static List<CounterRow> Rows(params (Guid Integration, SendOutcome Outcome, int Milliseconds)[] attempts)
    {
        var counters = new Counters(new EngineMeter(new Meter("Tests")));
        foreach (var (integration, outcome, milliseconds) in attempts)
            counters.Attempt("one", integration, outcome, TimeSpan.FromMilliseconds(milliseconds), DeliveryEnd.None);
        return counters.Take()!;
    }

    private sealed class ClockAt(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
