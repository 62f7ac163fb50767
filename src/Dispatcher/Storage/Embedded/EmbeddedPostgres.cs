// A real PostgreSQL server as a child of this process, for whoever has not set up one: data, socket and log in one folder.

using System.Diagnostics;
using Npgsql;

namespace Dispatcher.Storage.Embedded;

/// <summary>The embedded PostgreSQL, from its start to its stop. One process owns a data folder at a time.</summary>
internal sealed class EmbeddedPostgres : IAsyncDisposable
{
    private const string Database = "dispatcher";

    private readonly DataFolder _folder;
    private readonly PostgresCluster _cluster;
    private readonly ILogger _logger;
    private int _disposed;

    private EmbeddedPostgres(DataFolder folder, PostgresBinaries binaries, PostgresCluster cluster, string socketDirectory, ILogger logger)
    {
        _folder = folder;
        _cluster = cluster;
        _logger = logger;
        BinDirectory = binaries.Directory;
        Version = binaries.Version;
        ConnectionString = Connect(socketDirectory, Database).ConnectionString;
    }

    /// <summary>In Npgsql's form, to the database <c>dispatcher</c>, which exists.</summary>
    public string ConnectionString { get; }

    /// <summary>The folder of everything: cluster, log, socket, lock.</summary>
    public string DataDirectory => _folder.Path;

    /// <summary>The folder of the PostgreSQL programs in use.</summary>
    public string BinDirectory { get; }

    /// <summary>The server's version, such as <c>15.13</c>.</summary>
    public string Version { get; }

    /// <summary>
    /// Finds or fetches PostgreSQL, makes a cluster where there is none, clears what a killed run has left behind, and starts the server.
    /// Ends when it accepts connections.
    /// </summary>
    /// <exception cref="EmbeddedPostgresException">It cannot be had; nothing is left running.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedPostgresOptions options, ILogger logger, CancellationToken ct)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new EmbeddedPostgresException(
                "The embedded PostgreSQL runs on Linux and macOS only. Set ConnectionStrings__Dispatcher to a PostgreSQL 15 or newer.");
        }

        var started = Stopwatch.GetTimestamp();
        var user = await PostgresUser.ResolveAsync(ct);
        var folder = DataFolder.Open(options.DataDirectory);
        try
        {
            await user.EnsureReachesAsync(folder.Path, ct);
            var lookup = options.Lookup ?? PostgresLookup.OfThisMachine(folder.Path);
            var binaries = await PostgresBinaries.FindAsync(lookup, user, PostgresCluster.MajorVersion(folder), logger, ct);
            var cluster = new PostgresCluster(folder, binaries, user, options.Settings, logger);
            var socketDirectory = await cluster.StartAsync(ct);
            var postgres = new EmbeddedPostgres(folder, binaries, cluster, socketDirectory, logger);
            await postgres.EnsureDatabaseAsync(socketDirectory, ct);
            var elapsedMs = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            EmbeddedPostgresLog.Started(logger, binaries.Version, binaries.Directory, user.Name, folder.Path, elapsedMs);
            return postgres;
        }
        catch (Exception cause)
        {
            folder.Dispose();
            if (cause is IOException or UnauthorizedAccessException) throw DataFolder.Unusable(folder.Path, cause);
            throw;
        }
    }

    /// <summary>The way into the server that another process runs in this folder; null while that is not to be seen.</summary>
    public static string? FindRunning(string dataDirectory)
    {
        try
        {
            // PostgreSQL's own file: the fifth line is the socket's folder.
            return File.ReadAllLines(PostmasterPidFile.PathIn(Path.Combine(dataDirectory, "postgres"))) is [_, _, _, _, { Length: > 0 } socket, ..]
                ? Connect(socket, Database).ConnectionString
                : null;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Stops the server cleanly and gives up the folder. Connections that are still open are ended.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        using var folder = _folder;
        var begun = Stopwatch.GetTimestamp();
        var failure = await _cluster.StopAsync();
        var elapsedMs = (long)Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        if (failure is null) EmbeddedPostgresLog.Stopped(_logger, DataDirectory, elapsedMs);
        else EmbeddedPostgresLog.NotStopped(_logger, DataDirectory, failure);
    }

    private async Task EnsureDatabaseAsync(string socketDirectory, CancellationToken ct)
    {
        try
        {
            var maintenance = Connect(socketDirectory, "postgres");
            maintenance.Pooling = false;
            await using var connection = new NpgsqlConnection(maintenance.ConnectionString);
            await connection.OpenAsync(ct);
            await using var exists = new NpgsqlCommand($"SELECT 1 FROM pg_database WHERE datname = '{Database}'", connection);
            if (await exists.ExecuteScalarAsync(ct) is not null) return;
            await using var create = new NpgsqlCommand($"CREATE DATABASE {Database}", connection);
            await create.ExecuteNonQueryAsync(ct);
        }
        catch (Exception cause)
        {
            await DisposeAsync();
            if (cause is not NpgsqlException) throw;
            throw new EmbeddedPostgresException(
                $"PostgreSQL started, but its database '{Database}' could not be made: {cause.Message}. Its log is {_folder.Log}.", cause);
        }
    }

    /// <summary>Neither TLS nor Kerberos is asked for: nothing leaves the machine through a Unix socket.</summary>
    private static NpgsqlConnectionStringBuilder Connect(string socketDirectory, string database) => new()
    {
        Host = socketDirectory,
        Port = DataFolder.Port,
        Username = PostgresCluster.Superuser,
        Database = database,
        SslMode = SslMode.Disable,
        GssEncryptionMode = GssEncryptionMode.Disable,
    };
}
