// Which integrations fail most: read from hours as the database holds them.

using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Statistics;

public sealed class FailureRankingTests(ApiServer api) : IClassFixture<ApiServer>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_outcome_but_success_counts_as_a_failure_over_all_hours_of_the_span()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        var (worst, middle, healthy) = (await RegisterAsync(one), await RegisterAsync(other), await RegisterAsync(one));
        await CountAsync(one, worst, 1, [7, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
        await CountAsync(one, worst, 2, [0, 3]);
        await CountAsync(one, worst, 30, [0, 100]);
        await CountAsync(other, middle, 1, [1, 1, 1, 1]);
        await CountAsync(one, healthy, 1, [50]);

        var all = (await api.Operator.CallAsync(200, "GET /stats/integrations")).Data();
        Assert.Equal(
            [(worst, 7L, 9L), (middle, 1L, 3L)],
            all.Select(row => (row.Text("integration_id"), row.GetProperty("succeeded").GetInt64(), row.GetProperty("failed").GetInt64())));
        Assert.Equal([middle], (await api.Operator.CallAsync(200, $"GET /stats/integrations?organization={other.Id}")).Data().Select(row => row.Text("integration_id")));
        Assert.Equal([worst], (await api.Operator.CallAsync(200, "GET /stats/integrations?limit=1")).Data().Select(row => row.Text("integration_id")));
    }

    private static async Task<string> RegisterAsync(Customer customer) => (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");

    private async Task CountAsync(Customer customer, string integration, int hoursAgo, long[] outcomes)
    {
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        await using var command = source.CreateCommand(
            """
            INSERT INTO dispatcher.stats_hour (organization_id, integration_id, at, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from, outcomes, latency)
            SELECT $1, $2, date_trunc('hour', now(), 'UTC') - make_interval(hours => $3), 0, 0, 0, 0, 0, 0, 0, $4, '{}'
            """);
        foreach (var value in new object[] { customer.Id, Guid.ParseExact(integration[4..], "N"), hoursAgo, outcomes }) command.Parameters.AddWithValue(value);
        await using (var partitions = source.CreateCommand(
            "SELECT dispatcher.ensure_stats_partitions((now() AT TIME ZONE 'UTC')::date - 2, (now() AT TIME ZONE 'UTC')::date)"))
        {
            await partitions.ExecuteNonQueryAsync(Ct);
        }

        await command.ExecuteNonQueryAsync(Ct);
    }
}
