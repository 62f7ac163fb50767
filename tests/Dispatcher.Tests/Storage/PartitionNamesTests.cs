// Partitions are found by their names, in whatever order the planner looks.

using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Storage;

public sealed class PartitionNamesTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("enable_nestloop", 7)]
    [InlineData("enable_hashjoin", 30)]
    [InlineData("enable_mergejoin", 90)]
    [InlineData("enable_indexscan", 365)]
    public async Task A_retention_comes_and_partitions_go_whatever_plan_finds_them(string setting, short days)
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            $"""
            SET {setting} = off;
            INSERT INTO dispatcher.organization (id, name, retention_days) VALUES ('acme', 'Acme', {days});
            SELECT dispatcher.drop_partitions((now() AT TIME ZONE 'UTC')::date, 30) FROM generate_series(1, 3);
            SELECT dispatcher.drop_stats_partitions('2020-01-01', '2020-01-01');
            """, connection);
        await command.ExecuteNonQueryAsync();

        await using var leaves = new NpgsqlCommand($"SELECT count(*) FROM pg_class WHERE relname LIKE 'event\\_%\\_r{days}'", connection);
        Assert.True((long)(await leaves.ExecuteScalarAsync())! > 0);
    }

    [Fact]
    public async Task Every_name_in_the_database_can_be_asked_for_a_day_and_a_class()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT count(dispatcher.partition_day(relname)), count(dispatcher.partition_class(relname)) FROM pg_class", connection);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();

        Assert.True(reader.GetInt64(0) > 0);
        Assert.True(reader.GetInt64(1) > 0);
    }
}
