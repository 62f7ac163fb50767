// Who owns a delivery's row, at the moments when that is in doubt.

using System.Net;
using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Engine;

public sealed class OwnershipTests(PostgresFixture postgres)
{
    private static readonly TimeSpan SomeBeats = TimeSpan.FromSeconds(4.5);

    [Fact]
    public async Task Rows_that_a_node_declared_dead_commits_at_the_last_moment_are_taken_over_too()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await using var dying = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await dying.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await ExecuteAsync(source, "INSERT INTO dispatcher.node (name, roles, version) VALUES ('dying', 'api,worker', '0')");
        Assert.Equal(1L, await ScalarAsync(dying, """
            SELECT count(*) FROM dispatcher.accept(ARRAY['default'], ARRAY[NULL], ARRAY[NULL], ARRAY['a.b'], ARRAY[NULL]::uuid[],
                ARRAY[dispatcher.uuid_v7()], ARRAY[1], ARRAY['{"n":1}'::bytea], NULL, NULL,
                (SELECT id FROM dispatcher.node WHERE name = 'dying'), 100, NULL) WHERE owned
            """));
        await ExecuteAsync(source, "UPDATE dispatcher.node SET heartbeat_at = now() - interval '1 hour' WHERE name = 'dying'");

        // The other node finds it dead, again and again, while the transaction is still under way.
        var began = TimeProvider.System.GetTimestamp();
        await Eventually.TrueAsync(async () =>
        {
            await ScalarAsync(dying, "SELECT 1::bigint");
            return TimeProvider.System.GetElapsedTime(began) > SomeBeats;
        }, "some beats pass");
        Assert.Empty(receiver.All);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        await receiver.WaitForAsync(1, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_node_that_hangs_in_a_transaction_keeps_its_rows_from_others_for_seconds_only()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await ExecuteAsync(source, "INSERT INTO dispatcher.node (name, roles, version) VALUES ('hanging', 'api,worker', '0')");
        const string accept = """
            SELECT count(*) FROM dispatcher.accept(ARRAY['default'], ARRAY[NULL], ARRAY[NULL], ARRAY['a.b'], ARRAY[NULL]::uuid[],
                ARRAY[dispatcher.uuid_v7()], ARRAY[1], ARRAY['{"n":1}'::bytea], NULL, NULL,
                (SELECT id FROM dispatcher.node WHERE name = 'hanging'), 100, NULL) WHERE owned
            """;
        await using var hanging = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1L, await ScalarAsync(hanging, accept));
        await using var transaction = await hanging.BeginTransactionAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1L, await ScalarAsync(hanging, accept));
        await ExecuteAsync(source, "UPDATE dispatcher.node SET heartbeat_at = now() - interval '1 hour' WHERE name = 'hanging'");

        // The committed one; the other was never promised to anybody.
        await receiver.WaitForAsync(1, TimeSpan.FromSeconds(15));
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task A_node_that_froze_while_its_claim_was_being_answered_keeps_neither_its_rows_nor_claims_from_others()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Roles"] = "api" });
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await ExecuteAsync(source, "INSERT INTO dispatcher.node (name, roles, version) VALUES ('frozen', 'worker', '0')");
        var frozen = await new NpgsqlDataSourceBuilder(server.ConnectionString + ";Application Name=dispatcher").Build()
            .OpenConnectionAsync(TestContext.Current.CancellationToken);
        // What a claim does, with an answer that no buffer holds and that nobody goes on reading.
        await using var claim = new NpgsqlCommand(
            """
            WITH node AS MATERIALIZED (SELECT id FROM dispatcher.node WHERE name = 'frozen' FOR KEY SHARE),
                 taken AS (UPDATE dispatcher.queue SET owner = (SELECT id FROM node) RETURNING id)
            SELECT repeat('x', 1000000) FROM taken, generate_series(1, 100)
            """, frozen);
        _ = await claim.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        await ExecuteAsync(source, "UPDATE dispatcher.node SET heartbeat_at = now() - interval '1 hour' WHERE name = 'frozen'");

        await using var worker = await TestServer.StartAsync(
            postgres, new() { ["Dispatcher:Roles"] = "worker" }, connectionString: server.ConnectionString);
        await receiver.WaitForAsync(1, TimeSpan.FromSeconds(25));
        await Eventually.TrueAsync(
            async () => await CountAsync(source, "SELECT count(*) FROM dispatcher.node WHERE name = 'frozen'") == 0, "the frozen node is declared dead");
        // When it wakes, it learns that its claim came to nothing.
        Assert.IsType<NpgsqlException>(await Record.ExceptionAsync(() => frozen.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_connection_that_froze_in_the_middle_of_a_record_is_ended()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString + ";Application Name=dispatcher");
        await using var frozen = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using (var begin = new NpgsqlCommand("BEGIN", frozen)) await begin.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var copy = await frozen.BeginRawBinaryCopyAsync(
            "COPY dispatcher.delivery FROM STDIN (FORMAT BINARY)", TestContext.Current.CancellationToken);
        using var wakeup = new Wakeup(source, TimeProvider.System);
        var dead = new DeadNodes(source, wakeup, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);

        await Eventually.TrueAsync(async () =>
        {
            await dead.FreeSilentAsync(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            return await CountAsync(source, $"SELECT count(*) FROM pg_stat_activity WHERE pid = {frozen.ProcessID}") == 0;
        }, "the connection is ended", every: TimeSpan.FromMilliseconds(200));
        Assert.NotNull(await Record.ExceptionAsync(() => copy.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_delivery_that_two_nodes_tried_at_once_goes_on_with_its_schedule()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.05" });
        await using var receiver = await Receiver.StartAsync();
        var answerFirst = receiver.HoldFirst(n => n < 3 ? 500 : 204);
        await server.RegisterAsync(receiver.Url);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        var id = (await server.PublishAsync("a.b")).GetProperty("id").GetString();
        await receiver.WaitForAsync(1);

        // As if this node had been declared dead in the middle of its POST, and another had not got to the row yet.
        await ExecuteAsync(source, "INSERT INTO dispatcher.node (name, roles, version, heartbeat_at) VALUES ('other', 'worker', '0', now())");
        await ExecuteAsync(source, "UPDATE dispatcher.queue SET owner = (SELECT id FROM dispatcher.node WHERE name = 'other')");
        answerFirst.SetResult();
        await Eventually.TrueAsync(async () => await CountAsync(source, "SELECT count(*) FROM dispatcher.attempt") == 1, "the late attempt is recorded");
        await ExecuteAsync(source, "UPDATE dispatcher.queue SET owner = NULL");

        await receiver.WaitForAsync(3);
        Assert.Equal([1, 1, 2], receiver.All.Select(p => p.Attempt));
        JsonElement delivery = default;
        await Eventually.TrueAsync(async () =>
        {
            delivery = (await server.GetAsync($"/deliveries?event={id}")).GetProperty("data")[0];
            return delivery.GetProperty("status").GetString() == "succeeded";
        }, "the delivery succeeds");
        delivery = await server.GetAsync($"/deliveries/{delivery.GetProperty("id").GetString()}");
        Assert.Equal([1, 2], delivery.GetProperty("attempts").EnumerateArray().Select(a => a.GetProperty("number").GetInt32()));
    }

    [Fact]
    public async Task A_delivery_that_is_cancelled_in_memory_and_then_retried_is_sent_once()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var answerFirst = receiver.HoldFirst();
        await server.RegisterAsync(receiver.Url, new { max_concurrency = 1 });
        await server.PublishAsync("a.b");
        await receiver.WaitForAsync(1);
        var waiting = (await server.PublishAsync("a.b")).GetProperty("id").GetString();
        var delivery = (await server.GetAsync($"/deliveries?event={waiting}")).GetProperty("data")[0].GetProperty("id").GetString();

        using var cancelled = await server.Client.PostAsync($"/deliveries/{delivery}/cancel", null);
        await TestServer.ReadAsync(cancelled, HttpStatusCode.OK);
        using var retried = await server.Client.PostAsync($"/deliveries/{delivery}/retry", null);
        Assert.True(retried.IsSuccessStatusCode, await retried.Content.ReadAsStringAsync());
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await Eventually.TrueAsync(
            async () => await CountAsync(source, "SELECT count(*) FROM dispatcher.queue WHERE owner IS NOT NULL") == 2, "it is claimed again");
        answerFirst.SetResult();

        await Eventually.TrueAsync(async () => await CountAsync(source, "SELECT count(*) FROM dispatcher.queue") == 0, "both are delivered");
        Assert.Equal(2, receiver.All.Count);
        Assert.Equal(waiting, receiver.All[1].Id);
    }

    private static async Task<long> CountAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
