// One PostgreSQL for the whole test run; a fresh database for whoever asks.

using Npgsql;

[assembly: AssemblyFixture(typeof(Dispatcher.Tests.Support.PostgresFixture))]

namespace Dispatcher.Tests.Support;

public sealed class PostgresFixture : IAsyncLifetime
{
    private TestPostgres? _postgres;
    private int _databases;

    public async ValueTask InitializeAsync()
    {
        // Without fsync: these databases need to survive nothing. The tests about crashes bring their own, with it.
        var settings = new Dictionary<string, string> { ["fsync"] = "off", ["max_connections"] = "300" };
        _postgres = await TestPostgres.StartAsync(settings, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (_postgres is not null) await _postgres.DisposeAsync();
    }

    /// <summary>Makes an empty database and gives its connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        await using var connection = new NpgsqlConnection(_postgres!.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(_postgres.ConnectionString) { Database = name, MaxPoolSize = 20 }.ConnectionString;
    }
}
