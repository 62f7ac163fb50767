// One database of the benchmark's PostgreSQL: made for a stage, asked what the server wrote into it, dropped afterwards.
using Npgsql;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What a database holds and has cost so far; differences of two are what a round wrote.</summary>
/// <param name="Succeeded">Deliveries to the stage's integrations recorded as succeeded since the stage began.</param>
/// <param name="Live">Deliveries to them in the queue.</param>
/// <param name="WalPosition">Bytes of write-ahead log since the cluster was made (all databases; only one is in use at a time).</param>
/// <param name="Commits">Transactions committed in this database.</param>
/// <param name="WalSyncs">Times that the log was flushed to disk (the whole cluster); null where PostgreSQL does not count them here.</param>
/// <param name="Statements">Statements run in this database; null without pg_stat_statements.</param>
internal sealed record DatabaseSnapshot(long Succeeded, long Live, decimal WalPosition, long Commits, long? WalSyncs, long? Statements);

/// <summary>Calls of a routine so far.</summary>
/// <param name="Calls">How many.</param>
/// <param name="Blocks">8 KiB blocks that they looked at, cached or not.</param>
internal sealed record RoutineCalls(long Calls, long Blocks);

internal sealed class StageDatabase : IAsyncDisposable
{
    private const string HasStatements =
        "SELECT 'pg_stat_statements' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))";

    // The stage's own only: by ranges of indexes, so that what else is stored or waits does not slow the measuring down.
    private const string SucceededSql =
        """
        SELECT count(*) FROM dispatcher.delivery
        WHERE organization_id = 'default' AND id >= dispatcher.uuid_floor($2) AND integration_id = ANY ($1) AND status = 'succeeded'
        """;

    private const string LiveSql = "SELECT count(*) FROM dispatcher.queue WHERE integration_id = ANY ($1)";
    private const string IsDrainedSql = "SELECT NOT EXISTS (SELECT FROM dispatcher.queue WHERE integration_id = ANY ($1))";
    private const string WalSql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')";

    private const string CommitsSql = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";

    private const string StatementsSql =
        """
        SELECT coalesce(sum(calls), 0)::bigint
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = current_database()
        """;

    private const string RoutineSql =
        """
        SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint
        FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
        WHERE d.datname = current_database() AND s.query LIKE '%dispatcher.' || $1 || '(%'
        """;

    private readonly string _adminConnectionString;
    private readonly string? _name;
    private readonly NpgsqlConnection _connection;
    private readonly DateTime _began = TimeProvider.System.GetUtcNow().UtcDateTime;
    private bool _countsStatements;
    private string? _walSyncsSql;

    private StageDatabase(string adminConnectionString, string? name, string connectionString, NpgsqlConnection connection)
    {
        _adminConnectionString = adminConnectionString;
        _name = name;
        ConnectionString = connectionString;
        _connection = connection;
    }

    /// <summary>For the server.</summary>
    public string ConnectionString { get; }

    /// <summary>The process of which all of PostgreSQL's are children.</summary>
    public int Postmaster { get; private set; }

    /// <summary>The integrations whose deliveries count; others may be there to disturb.</summary>
    public Guid[] Integrations { get; set; } = [];

    public static async Task<StageDatabase> CreateAsync(string adminConnectionString, string name, CancellationToken cancellationToken)
    {
        await ExecuteOnAsync(adminConnectionString, $"CREATE DATABASE {name}", cancellationToken);
        var connectionString = new NpgsqlConnectionStringBuilder(adminConnectionString) { Database = name }.ConnectionString;
        return await OpenAsync(adminConnectionString, name, connectionString, cancellationToken);
    }

    /// <summary>A database that somebody else made; it is not dropped.</summary>
    public static Task<StageDatabase> OpenAsync(string connectionString, CancellationToken cancellationToken) =>
        OpenAsync(connectionString, null, connectionString, cancellationToken);

    private static async Task<StageDatabase> OpenAsync(
        string adminConnectionString, string? name, string connectionString, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(connectionString, cancellationToken);
        var database = new StageDatabase(adminConnectionString, name, connectionString, connection);
        database._countsStatements = await database.ScalarAsync<bool>(HasStatements, cancellationToken);
        if (database._countsStatements) await database.ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", cancellationToken);
        database._walSyncsSql = await database.FindWalSyncsAsync(cancellationToken);
        database.Postmaster = await database.ScalarAsync<int>("SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int", cancellationToken);
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

    /// <summary>True when none of the stage's deliveries is live any more: every one has been moved to where the finished are kept.</summary>
    public Task<bool> IsDrainedAsync(CancellationToken cancellationToken) => ScalarAsync<bool>(IsDrainedSql, cancellationToken, Integrations);

    public async Task<DatabaseSnapshot> SnapshotAsync(CancellationToken cancellationToken)
    {
        // The log's position first: reading may write a little itself (hint bits), which is nothing the round did.
        var wal = await ScalarAsync<decimal>(WalSql, cancellationToken);
        var commits = await ScalarAsync<long>(CommitsSql, cancellationToken);
        var syncs = _walSyncsSql is null ? (long?)null : await ScalarAsync<long>(_walSyncsSql, cancellationToken);
        var statements = _countsStatements ? await ScalarAsync<long>(StatementsSql, cancellationToken) : (long?)null;
        return new DatabaseSnapshot(
            await ScalarAsync<long>(SucceededSql, cancellationToken, Integrations, _began),
            await ScalarAsync<long>(LiveSql, cancellationToken, Integrations),
            wal, commits, syncs, statements);
    }

    /// <summary>Calls of a routine of the schema, by statements that name it; null without pg_stat_statements.</summary>
    public async Task<RoutineCalls?> CallsOfAsync(string routine, CancellationToken cancellationToken)
    {
        if (!_countsStatements) return null;
        var row = await RowAsync(RoutineSql, cancellationToken, routine);
        return new RoutineCalls((long)row[0], (long)row[1]);
    }

    /// <summary>The one row that a query gives.</summary>
    public async Task<object[]> RowAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var row = new object[reader.FieldCount];
        reader.GetValues(row);
        return row;
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Writes everything out, so that a round does not pay for what earlier ones left in memory.</summary>
    public Task CheckpointAsync(CancellationToken cancellationToken) => ExecuteAsync("CHECKPOINT", cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        if (_name is null) return;
        try
        {
            await ExecuteOnAsync(_adminConnectionString, $"DROP DATABASE {_name} WITH (FORCE)", CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // Ctrl+C reaches PostgreSQL too and it may be gone already; its folder is deleted in any case.
        }
    }

    // PostgreSQL 18 counts them where it counts other I/O.
    private async Task<string?> FindWalSyncsAsync(CancellationToken cancellationToken)
    {
        if (await HasColumnAsync("pg_stat_wal", "wal_sync", cancellationToken)) return "SELECT wal_sync FROM pg_stat_wal";
        if (!await HasColumnAsync("pg_stat_io", "fsyncs", cancellationToken)) return null;
        return "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'";
    }

    private Task<bool> HasColumnAsync(string view, string column, CancellationToken cancellationToken) => ScalarAsync<bool>(
        "SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'pg_catalog' AND table_name = $1 AND column_name = $2)",
        cancellationToken, view, column);

    private NpgsqlCommand Command(string sql, object[] values)
    {
        // Seeding millions of rows is one statement.
        var command = new NpgsqlCommand(sql, _connection) { CommandTimeout = (int)Deadlines.Round.TotalSeconds };
        foreach (var value in values) command.Parameters.AddWithValue(value);
        return command;
    }

    private static async Task ExecuteOnAsync(string connectionString, string sql, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(connectionString, cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
