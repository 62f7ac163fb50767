// The benchmark's own PostgreSQL: the server's embedded one, in a temporary folder, with fsync on like everywhere.
using Dispatcher.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>Started by this program rather than by the server under test: it outlives servers that are stopped on purpose.</summary>
internal sealed class BenchDatabase : IAsyncDisposable
{
    private readonly EmbeddedPostgres _postgres;
    private int _stages;

    private BenchDatabase(EmbeddedPostgres postgres, string description)
    {
        _postgres = postgres;
        Description = description;
    }

    /// <summary>Version and durability, for the report.</summary>
    public string Description { get; }

    public static async Task<BenchDatabase> StartAsync(string dataDirectory, CancellationToken cancellationToken)
    {
        var postgres = await StartPostgresAsync(dataDirectory, cancellationToken);
        try
        {
            return new BenchDatabase(postgres, await DescribeAsync(postgres.ConnectionString, cancellationToken));
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>A new, empty database.</summary>
    public Task<StageDatabase> CreateStageAsync(CancellationToken cancellationToken) =>
        StageDatabase.CreateAsync(_postgres.ConnectionString, $"stage_{++_stages}", cancellationToken);

    public ValueTask DisposeAsync() => _postgres.DisposeAsync();

    // With pg_stat_statements, so that statements can be counted, where this PostgreSQL has it; without where it does not start with it.
    private static async Task<EmbeddedPostgres> StartPostgresAsync(string dataDirectory, CancellationToken cancellationToken)
    {
        var plain = new EmbeddedPostgresOptions(dataDirectory);
        var counting = plain with { Settings = new Dictionary<string, string> { ["shared_preload_libraries"] = "pg_stat_statements" } };
        try
        {
            return await EmbeddedPostgres.StartAsync(counting, NullLogger.Instance, cancellationToken);
        }
        catch (EmbeddedPostgresException)
        {
            return await EmbeddedPostgres.StartAsync(plain, NullLogger.Instance, cancellationToken);
        }
    }

    private static async Task<string> DescribeAsync(string connectionString, CancellationToken cancellationToken)
    {
        await using var connection = await StageDatabase.ConnectAsync(connectionString, cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT format('PostgreSQL %s, fsync %s, synchronous_commit %s, shared_buffers %s', current_setting('server_version'),
                          current_setting('fsync'), current_setting('synchronous_commit'), current_setting('shared_buffers'))
            """, connection);
        return (string)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
