// The connection that listens, when something on the way drops it without a word.

using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class SilentConnectionTests(PostgresFixture postgres, ITestOutputHelper log)
{
    [Fact]
    public async Task A_listening_connection_that_was_dropped_silently_is_replaced_within_15_seconds_and_hears_again()
    {
        var database = await postgres.CreateDatabaseAsync();
        var builder = new NpgsqlConnectionStringBuilder(database);
        await using var relay = new TcpRelay(builder);
        var direct = new NpgsqlConnectionStringBuilder(database) { Host = "127.0.0.1", Port = relay.Port, Pooling = false }.ConnectionString;
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(
            postgres, new() { ["ConnectionStrings:DispatcherDirect"] = direct }, connectionString: database);
        await server.RegisterAsync(receiver.Url);
        await using var source = NpgsqlDataSource.Create(database);
        await Eventually.TrueAsync(async () => await ListenersAsync(source) == 1, "it listens");

        relay.SilenceAll();
        var began = TimeProvider.System.GetTimestamp();
        // The old session stays, of course: nobody has told the database.
        await Eventually.TrueAsync(async () => await ListenersAsync(source) == 2, "it listens again", TimeSpan.FromSeconds(20));
        var elapsed = TimeProvider.System.GetElapsedTime(began);
        log.WriteLine($"after {elapsed.TotalSeconds:0.0} s");
        Assert.InRange(elapsed.TotalSeconds, 0, 15);

        await using var publish = source.CreateCommand("SELECT dispatcher.publish('a.b', '{}'::text)");
        await Notifications.AreHeardAsync(_ => publish.ExecuteNonQueryAsync(TestContext.Current.CancellationToken), receiver, log);
    }

    private static async Task<long> ListenersAsync(NpgsqlDataSource source)
    {
        // What a session did last: it listens, or it was asked whether it is still there.
        await using var command = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' AND (query LIKE 'LISTEN %' OR query = 'SELECT 1')");
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
