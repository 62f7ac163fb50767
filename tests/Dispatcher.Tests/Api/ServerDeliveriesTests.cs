// The list of all organizations' deliveries: what is found, and that nothing is lost between organizations, steps and pages.

using Dispatcher.Platform;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class ServerDeliveriesTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>Of the busy organization: more than a step looks at of one.</summary>
    private const int Busy = 2400;

    private const int Quiet = 60;

    private const string EmptyArrays = "'{}', '{}'";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2_000_000)]
    public async Task Deliveries_of_all_organizations_are_one_list_however_many_were_counted_in_an_hour(int counted)
    {
        await CountAsync(counted);
        var type = $"rare_{counted}";
        var known = (await SeedAsync(type, Busy)).Concat(await SeedAsync(type, Quiet)).Concat(await SeedAsync(type, 1)).ToList();

        // Of each organization every 50th is of the rare type, every 90th exhausted, every 30th waits, every 60th of them for a retry.
        await ExpectAsync(known, _ => true, "");
        await ExpectAsync(known, n => n % 50 == 1, $"type={type}");
        await ExpectAsync(known, n => n % 90 == 4, "status=exhausted");
        await ExpectAsync(known, n => n % 30 == 7 && n % 60 != 7, "status=pending");
        await ExpectAsync(known, n => n % 60 == 7, "status=failed");
        await ExpectAsync(known, n => n % 90 != 4 && n % 30 != 7, "status=succeeded");
        await ExpectAsync(known, n => n % 50 == 1 && n % 90 == 4, $"type={type}&status=exhausted");
        await ExpectAsync(known, _ => false, "type=unheard_of");
        await ExpectAsync(known, _ => false, "status=delivering");
    }

    [Fact]
    public async Task A_span_holds_what_was_made_in_it_and_nothing_else()
    {
        await CountAsync(50_000);
        var known = (await SeedAsync("spanned", Busy)).Concat(await SeedAsync("spanned", Quiet)).ToList();
        var (since, until) = (known[200].Made, known[100].Made);

        await ExpectAsync(known, _ => true, $"since={Text(since)}&until={Text(until)}", k => k.Made >= since && k.Made < until);
        await ExpectAsync(known, n => n % 50 == 1, $"type=spanned&until={Text(until)}", k => k.Made < until);

        static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Follows the list to its end, and looks at what is known in it.</summary>
    private async Task ExpectAsync(IReadOnlyList<Known> known, Func<int, bool> numbers, string filter, Func<Known, bool>? span = null)
    {
        var mine = known.Select(k => k.Organization).ToHashSet(StringComparer.Ordinal);
        var (found, cursor) = (new List<(string Id, string Organization)>(), (string?)null);
        do
        {
            var page = await api.Operator.CallAsync(200, $"GET /server/deliveries?limit=233&{filter}{(cursor is null ? "" : "&cursor=" + cursor)}");
            Assert.InRange(page.Data().Count, 0, 233);
            found.AddRange(page.Data().Select(row => (row.Text("id"), row.Text("organization"))));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);

        Assert.Equal(found.Select(f => f.Id).Distinct().OrderDescending(StringComparer.Ordinal), found.Select(f => f.Id));
        var expected = known.Where(k => numbers(k.Number) && span?.Invoke(k) != false).Select(k => (k.Id, k.Organization)).OrderByDescending(k => k.Id, StringComparer.Ordinal);
        Assert.Equal(expected, found.Where(f => mine.Contains(f.Organization)));
    }

    /// <summary>What the server says that it counted in each of the last hours; the list must hold whether that is true or not.</summary>
    private Task CountAsync(int deliveries) => ExecuteAsync(
        """
        SELECT dispatcher.ensure_partitions((now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date),
               dispatcher.ensure_stats_partitions((now() AT TIME ZONE 'UTC')::date - 2, (now() AT TIME ZONE 'UTC')::date);
        DELETE FROM dispatcher.stats_hour WHERE organization_id = '';
        """,
        $"""
        INSERT INTO dispatcher.stats_hour (organization_id, integration_id, at, events, deliveries, succeeded, exhausted, cancelled, latency_us, latency_from, outcomes, latency)
        SELECT '', '00000000-0000-0000-0000-000000000000', date_trunc('hour', now(), 'UTC') - make_interval(hours => h), 0, {deliveries}, 0, 0, 0, 0, 0, {EmptyArrays}
        FROM generate_series(0, 23) h
        """);

    /// <summary>Puts one delivery each few seconds of the last twenty hours into the database, as they stand there after a while; the newest first.</summary>
    private async Task<List<Known>> SeedAsync(string type, int deliveries)
    {
        var customer = await api.CustomerAsync();
        // Disabled, so that what waits goes on waiting.
        var integration = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"enabled\":false")).Text("id");
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        await using var command = source.CreateCommand(
            """
            WITH item AS MATERIALIZED (
                SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 1000 - n * 72000000::bigint / $3), 12, '0')
                           || '70008' || substr(md5(n::text || $1), 1, 15))::uuid AS id, n % 30 = 7 AS live
                FROM generate_series(1, $3) n
            ), made AS MATERIALIZED (SELECT i.*, dispatcher.delivery_id(i.id) AS delivery FROM item i
            ), stored AS (
                INSERT INTO dispatcher.event (organization_id, id, type, retention, payload)
                SELECT $1, id, CASE WHEN n % 50 = 1 THEN $4 ELSE 'usual' END, 0, '{}' FROM made
            ), waiting AS (
                INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, retention)
                SELECT $1, delivery, id, $2, now() + interval '1 hour', CASE WHEN n % 60 = 7 THEN 1 ELSE 0 END, 0 FROM made WHERE live
            ), finished AS (
                INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, event_type, status, attempts, finished_at, retention)
                SELECT $1, delivery, id, $2, CASE WHEN n % 50 = 1 THEN $4 ELSE 'usual' END, CASE WHEN n % 90 = 4 THEN 'exhausted' ELSE 'succeeded' END, 1, now(), 0
                FROM made WHERE NOT live
            )
            SELECT n, delivery FROM made ORDER BY n
            """);
        foreach (var value in new object[] { customer.Id, Guid.ParseExact(integration[4..], "N"), deliveries, type }) command.Parameters.AddWithValue(value);
        await using var reader = await command.ExecuteReaderAsync(Ct);
        var known = new List<Known>();
        while (await reader.ReadAsync(Ct))
        {
            var id = reader.GetGuid(1);
            known.Add(new Known(reader.GetInt32(0), Ids.Format(Ids.Delivery, id), customer.Id, Ids.TimeOf(id)));
        }

        return known;
    }

    private async Task ExecuteAsync(params string[] statements)
    {
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        foreach (var sql in statements)
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(Ct);
        }
    }

    private sealed record Known(int Number, string Id, string Organization, DateTimeOffset Made);
}
