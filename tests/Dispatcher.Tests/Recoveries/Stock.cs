// Events and exhausted deliveries by the thousand, put into the database as if they had happened; and what became of them.

using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Recoveries;

/// <summary>What there is of one integration.</summary>
internal sealed class Stock(string connectionString, JsonElement integration, string organization = "default")
{
    private readonly Guid _integration = Ids.TryParse(Ids.Integration, integration.Text("id"), out var id) ? id : default;

    /// <summary>The integration's id in the database, for conditions.</summary>
    public string Key => $"'{_integration}'";

    /// <summary>Makes events that have no delivery.</summary>
    public Task AddEventsAsync(int count) => ExecuteAsync(
        $$"""
        INSERT INTO dispatcher.event (organization_id, id, type, retention, payload)
        SELECT '{{organization}}', dispatcher.uuid_v7(), 'stock.made', 0, convert_to('{"n":' || n || '}', 'UTF8') FROM generate_series(1, {{count}}) n
        """);

    /// <summary>Makes events, each with a delivery that has failed for the tenth time.</summary>
    public Task AddExhaustedAsync(int count) => ExecuteAsync(
        $$"""
        WITH made AS (
            INSERT INTO dispatcher.event (organization_id, id, type, retention, payload)
            SELECT '{{organization}}', dispatcher.uuid_v7(), 'stock.made', 0, convert_to('{"n":' || n || '}', 'UTF8') FROM generate_series(1, {{count}}) n
            RETURNING *
        )
        INSERT INTO dispatcher.delivery (organization_id, id, event_id, integration_id, event_type, status, attempts, finished_at,
            last_started_at, last_latency_us, last_outcome, last_status_code, retention)
        SELECT m.organization_id, dispatcher.delivery_id(m.id), m.id, {{Key}}, m.type, 'exhausted', 10, now(), now(), 1000, 'server_error', 500, m.retention FROM made m
        """);

    /// <summary>Makes live deliveries that are not due: as many as tasks leave alone.</summary>
    public Task AddLiveAsync(int count) => ExecuteAsync(
        $"""
        INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention)
        SELECT '{organization}', dispatcher.uuid_v7(), dispatcher.uuid_v7(), {Key}, now() + interval '1 hour', 0 FROM generate_series(1, {count})
        """);

    public Task RemoveLiveAsync() => ExecuteAsync($"DELETE FROM dispatcher.queue WHERE integration_id = {Key}");

    /// <summary>How many of its deliveries have a status; live ones are <c>live</c>.</summary>
    public async Task<long> CountAsync(string status) => await ScalarAsync<long>(status == "live"
        ? $"SELECT count(*) FROM dispatcher.queue WHERE integration_id = {Key}"
        : $"SELECT count(*) FROM dispatcher.delivery WHERE integration_id = {Key} AND status = '{status}'");

    /// <summary>Waits until so many have succeeded and none is live; asserts that no event has two deliveries.</summary>
    public async Task AllSucceededAsync(int count, TimeSpan? within = null)
    {
        await Eventually.TrueAsync(
            async () => await CountAsync("succeeded") >= count && await CountAsync("live") == 0, $"{count} deliveries succeed", within);
        Assert.Equal(count, await CountAsync("succeeded"));
        Assert.Equal(
            (long)count, await ScalarAsync<long>($"SELECT count(DISTINCT event_id) FROM dispatcher.delivery WHERE integration_id = {Key} AND status = 'succeeded'"));
    }

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>Asks for a task of the whole past.</summary>
    public static Task<JsonElement> AskAsync(HttpClient client, string kind, JsonElement integration) =>
        client.CallAsync(202, $"POST /integrations/{integration.Text("id")}/{kind}", """{"since":"2020-01-01T00:00:00Z"}""");

    public static Task<JsonElement> ReadAsync(HttpClient client, JsonElement task) =>
        client.CallAsync(200, $"GET /integrations/{task.Text("integration_id")}/tasks/{task.Text("id")}");

    /// <summary>Waits until a task has a status; asserts that meanwhile it only ever went forward.</summary>
    public static async Task<JsonElement> TaskAsync(HttpClient client, JsonElement task, string status)
    {
        var last = task;
        await Eventually.TrueAsync(async () =>
        {
            var now = await ReadAsync(client, task);
            Assert.True(DoneOf(now) >= DoneOf(last), $"{last} went back to {now}");
            last = now;
            return now.Text("status") == status;
        }, $"the task is {status}; it is {last}", TimeSpan.FromSeconds(40));
        return last;
    }

    public static long DoneOf(JsonElement task) => task.GetProperty("done").GetInt64();

    public static long CountOf(JsonElement task) => task.GetProperty("count").GetInt64();
}
