// Who owns a delivery's row, at the moments when that is in doubt.

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
