// Lists over more rows than one step of the search looks at: what is found, and that nothing is lost between steps and pages.

using System.Text.Json;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class LongListsTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>More than two steps of the search, of the smaller kind and of the larger.</summary>
    private const int Events = 4500;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rare_deliveries_are_found_to_the_last_one_page_after_page()
    {
        var customer = await api.CustomerAsync();
        var integration = await SeedAsync(customer);

        // Of 4,500: every 500th is of a rare type, every 900th exhausted, every 300th still waits, every 600th for a retry.
        Assert.Equal(9, await CountAsync(customer, "type=rare"));
        Assert.Equal(5, await CountAsync(customer, "status=exhausted"));
        Assert.Equal(1, await CountAsync(customer, "status=exhausted&type=rare"));
        Assert.Equal(8, await CountAsync(customer, "status=pending"));
        Assert.Equal(7, await CountAsync(customer, "status=failed"));
        Assert.Equal(0, await CountAsync(customer, "status=delivering"));
        Assert.Equal(0, await CountAsync(customer, "type=none"));
        Assert.Equal(9, await CountAsync(customer, $"type=rare&integration={integration}"));
        Assert.Equal(15, await CountAsync(customer, $"status=failed&integration={integration}") + await CountAsync(customer, $"status=pending&integration={integration}"));
        Assert.Equal(4480, await CountAsync(customer, "status=succeeded"));
        Assert.Equal(Events, await CountAsync(customer, $"integration={integration}"));
        Assert.Equal(Events, await CountAsync(customer, ""));
    }

    [Fact]
    public async Task Rare_live_deliveries_are_found_behind_thousands_of_others()
    {
        var customer = await api.CustomerAsync();
        var integration = await SeedAsync(customer);
        await ExecuteAsync(
            """
            WITH gone AS (DELETE FROM dispatcher.delivery WHERE organization_id = $1 RETURNING id, event_id, integration_id)
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention)
            SELECT $1, id, event_id, integration_id, now() + interval '1 hour', 0 FROM gone
            """, customer.Id);

        Assert.Equal(7, await CountAsync(customer, "status=failed"));
        Assert.Equal(7, await CountAsync(customer, $"status=failed&integration={integration}"));
        Assert.Equal(9, await CountAsync(customer, "status=pending&type=rare"));
        Assert.Equal(Events, await CountAsync(customer, $"integration={integration}"));
        Assert.Equal(0, await CountAsync(customer, "integration=int_00000000000070008000000000000001"));
    }

    [Fact]
    public async Task Live_and_finished_deliveries_stay_one_list_where_a_step_gets_further_in_one_than_in_the_other()
    {
        var customer = await api.CustomerAsync();
        var integration = await SeedAsync(customer);
        // The newest 2,500 are live: a step ends among them, while what is finished is searched to the end.
        await ExecuteAsync(
            """
            WITH newest AS (
                SELECT id FROM dispatcher.delivery WHERE organization_id = $1 ORDER BY id DESC LIMIT 2500
            ), gone AS (
                DELETE FROM dispatcher.delivery d USING newest n WHERE d.organization_id = $1 AND d.id = n.id RETURNING d.id, d.event_id, d.integration_id
            )
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention)
            SELECT $1, id, event_id, integration_id, now() + interval '1 hour', 0 FROM gone
            """, customer.Id);

        Assert.Equal(9, await CountAsync(customer, "type=rare"));
        Assert.Equal(9, await CountAsync(customer, $"type=rare&integration={integration}"));
        Assert.Equal(Events, await CountAsync(customer, $"integration={integration}"));
    }

    [Fact]
    public async Task Rare_events_are_found_to_the_last_one_page_after_page()
    {
        var customer = await api.CustomerAsync();
        await SeedAsync(customer);

        Assert.Equal(9, await CountAsync(customer, "type=rare", "events"));
        Assert.Equal(0, await CountAsync(customer, "type=none", "events"));
        Assert.Equal(4, await CountAsync(customer, "project=seldom", "events"));
        Assert.Equal(Events, await CountAsync(customer, "", "events"));
    }

    /// <summary>Follows a list to its end; asserts its order, and that no page is longer than asked for.</summary>
    private static async Task<int> CountAsync(Customer customer, string filter, string list = "deliveries")
    {
        const int limit = 240;
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = await customer.Admin.CallAsync(200, $"GET /{list}?limit={limit}&{filter}{(cursor is null ? "" : "&cursor=" + cursor)}");
            Assert.InRange(page.Data().Count, 0, limit);
            ids.AddRange(page.Data().Select(row => row.Text("id")));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal(ids.Distinct().OrderDescending(StringComparer.Ordinal), ids);
        return ids.Count;
    }

    /// <summary>Puts events with one delivery each into the database, as they stand there after a while; gives the integration's id.</summary>
    private async Task<string> SeedAsync(Customer customer)
    {
        // Disabled, so that what waits goes on waiting.
        var integration = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"enabled\":false")).Text("id");
        await ExecuteAsync(
            """
            WITH item AS MATERIALIZED (
                SELECT n, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 10000 + n), 12, '0') || '70008' || substr(md5(n::text || $1), 1, 15))::uuid AS id,
                       n % 300 = 7 AS live
                FROM generate_series(1, $3) n
            ), stored AS (
                INSERT INTO dispatcher.event (organization_id, id, type, project, retention, payload)
                SELECT $1, id, CASE WHEN n % 500 = 0 THEN 'rare' ELSE 'usual' END, CASE WHEN n % 1000 = 0 THEN 'seldom' END, 0, '{}' FROM item
            ), waiting AS (
                INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, attempts, retention)
                SELECT $1, dispatcher.delivery_id(id), id, $2, now() + interval '1 hour', CASE WHEN n % 600 = 307 THEN 1 ELSE 0 END, 0 FROM item WHERE live
            )
            INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, event_type, status, attempts, finished_at, retention)
            SELECT $1, dispatcher.delivery_id(id), id, $2, CASE WHEN n % 500 = 0 THEN 'rare' ELSE 'usual' END,
                   CASE WHEN n % 900 = 0 THEN 'exhausted' ELSE 'succeeded' END, 1, now(), 0
            FROM item WHERE NOT live
            """, customer.Id, Guid.ParseExact(integration[4..], "N"), Events);
        return integration;
    }

    private async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var source = NpgsqlDataSource.Create(api.Server.ConnectionString);
        await using var command = source.CreateCommand(sql);
        foreach (var value in values) command.Parameters.AddWithValue(value);
        await command.ExecuteNonQueryAsync(Ct);
    }
}
