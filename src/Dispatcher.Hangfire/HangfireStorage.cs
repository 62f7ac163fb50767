// Hangfire's tables: in the same database, in a schema of their own, set for latency.

using Dispatcher.Storage;
using Hangfire.PostgreSql;
using Npgsql;

namespace Dispatcher.Hangfire;

internal static class HangfireStorage
{
    public const string Schema = "hangfire";

    // Any number other than that of our own migrations.
    private const long LockId = 0x48_41_4E_47_46_49_52_45;

    public static PostgreSqlStorage Over(NpgsqlDataSource source) => new(new Connections(source), new PostgreSqlStorageOptions
    {
        SchemaName = Schema,
        // Installed by InstallAsync, under a lock: its own way of doing so does not take several nodes that start at once.
        PrepareSchemaIfNecessary = false,
        // A worker is woken by the process that enqueues, which is this one. Polling finds what was enqueued while none was asleep.
        QueuePollInterval = TimeSpan.FromMilliseconds(100),
        // A bundle may take as long as its slowest target: what counts is that its worker lives.
        UseSlidingInvisibilityTimeout = true,
        InvisibilityTimeout = TimeSpan.FromSeconds(30),
        // Thousands of bundles finish in a minute, and are kept for minutes only.
        JobExpirationCheckInterval = TimeSpan.FromMinutes(1),
        CountersAggregateInterval = TimeSpan.FromMinutes(1),
        DistributedLockTimeout = TimeSpan.FromMinutes(1),
    });

    /// <summary>Makes the tables, or brings them to the version of the package.</summary>
    /// <exception cref="DatabaseSetupException">The database refuses.</exception>
    public static async Task InstallAsync(DirectSource direct, CancellationToken ct)
    {
        await using var connection = await direct.Source.OpenConnectionAsync(ct);
        await ExecuteAsync("SELECT pg_advisory_lock($1)", ct);
        try
        {
            // The package has no asynchronous way.
            await Task.Run(() => PostgreSqlObjectsInstaller.Install(connection, Schema), CancellationToken.None);
        }
        catch (NpgsqlException e)
        {
            var hint = e.SqlState != PostgresErrorCodes.InsufficientPrivilege ? "" :
                $" The user must own the schema \"{Schema}\" or, before there is one, have CREATE on the database.";
            throw new DatabaseSetupException($"Hangfire's tables could not be made: {e.Message}.{hint}", e);
        }
        finally
        {
            await ExecuteAsync("SELECT pg_advisory_unlock($1)", CancellationToken.None);
        }

        async Task ExecuteAsync(string sql, CancellationToken cancel)
        {
            await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = LockId } }, CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancel);
        }
    }

    private sealed class Connections(NpgsqlDataSource source) : IConnectionFactory
    {
        public NpgsqlConnection GetOrCreateConnection() => source.CreateConnection();
    }
}
