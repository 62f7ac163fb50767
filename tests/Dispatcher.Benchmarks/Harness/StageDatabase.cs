// One database of the benchmark's PostgreSQL: made for a stage, asked what the server wrote into it, dropped afterwards.
using Npgsql;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What a database holds and has cost so far; differences of two are what a round wrote.</summary>
/// <param name="Succeeded">Deliveries recorded as succeeded.</param>
/// <param name="Live">Deliveries in the queue.</param>
/// <param name="WalPosition">Bytes of write-ahead log since the cluster was made (all databases; only one is in use at a time).</param>
/// <param name="Statements">Statements run in this database; null without pg_stat_statements.</param>
internal sealed record DatabaseSnapshot(long Succeeded, long Live, decimal WalPosition, long? Statements);

internal sealed class StageDatabase : IAsyncDisposable
{
    private const string HasStatements =
        "SELECT 'pg_stat_statements' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))";

    private const string SucceededSql = "SELECT count(*) FROM dispatcher.delivery WHERE status = 'succeeded'";
    private const string LiveSql = "SELECT count(*) FROM dispatcher.queue";
    private const string IsDrainedSql = "SELECT NOT EXISTS (SELECT FROM dispatcher.queue)";
    private const string WalSql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')";

    private const string StatementsSql =
        """
        SELECT coalesce(sum(calls), 0)::bigint
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = current_database()
        """;

    private readonly string _adminConnectionString;
    private readonly string _name;
    private readonly NpgsqlConnection _connection;
    private bool _countsStatements;

    private StageDatabase(string adminConnectionString, string name, string connectionString, NpgsqlConnection connection)
    {
        _adminConnectionString = adminConnectionString;
        _name = name;
        ConnectionString = connectionString;
        _connection = connection;
    }

    /// <summary>For the server.</summary>
    public string ConnectionString { get; }

    public static async Task<StageDatabase> CreateAsync(string adminConnectionString, string name, CancellationToken cancellationToken)
    {
        await ExecuteOnAsync(adminConnectionString, $"CREATE DATABASE {name}", cancellationToken);
        var connectionString = new NpgsqlConnectionStringBuilder(adminConnectionString) { Database = name }.ConnectionString;
        var connection = await ConnectAsync(connectionString, cancellationToken);
        var database = new StageDatabase(adminConnectionString, name, connectionString, connection);
        database._countsStatements = await database.ScalarAsync<bool>(HasStatements, cancellationToken);
        if (database._countsStatements) await database.ExecuteAsync("CREATE EXTENSION pg_stat_statements", cancellationToken);
        return database;
    }

    /// <summary>An open connection without a pool behind it: nothing stays connected when the server's databases are dropped.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync(string connectionString, CancellationToken cancellationToken)
    {
        var unpooled = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false };
        var connection = new NpgsqlConnection(unpooled.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>True when no delivery is live any more: every one has been moved to where the finished are kept.</summary>
    public Task<bool> IsDrainedAsync(CancellationToken cancellationToken) => ScalarAsync<bool>(IsDrainedSql, cancellationToken);

    public async Task<DatabaseSnapshot> SnapshotAsync(CancellationToken cancellationToken)
    {
        // The log's position first: reading may write a little itself (hint bits), which is nothing the round did.
        var wal = await ScalarAsync<decimal>(WalSql, cancellationToken);
        var statements = _countsStatements ? await ScalarAsync<long>(StatementsSql, cancellationToken) : (long?)null;
        return new DatabaseSnapshot(
            await ScalarAsync<long>(SucceededSql, cancellationToken), await ScalarAsync<long>(LiveSql, cancellationToken), wal, statements);
    }

    /// <summary>Writes everything out, so that a round does not pay for what earlier ones left in memory.</summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) => ExecuteAsync("CHECKPOINT", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        try
        {
            await ExecuteOnAsync(_adminConnectionString, $"DROP DATABASE {_name} WITH (FORCE)", CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // Ctrl+C reaches PostgreSQL too and it may be gone already; its folder is deleted in any case.
        }
    }

    private async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = 60 };
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task ExecuteOnAsync(string connectionString, string sql, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(connectionString, cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
