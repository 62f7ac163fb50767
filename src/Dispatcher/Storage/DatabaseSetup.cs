// Brings a database to the schema of this binary, whoever else is starting at the same time.

using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Dispatcher.Storage;

/// <summary>A database that this binary cannot work with; the message says why and what to do.</summary>
internal sealed class DatabaseSetupException(string message, Exception? inner = null) : Exception(message, inner);

internal sealed partial class DatabaseSetup(
    DirectSource direct, TimeProvider time, ILogger<DatabaseSetup> logger)
{
    private const int OldestMajorVersion = 15;

    // Any number will do as long as every version of the server uses the same one.
    private const long LockId = 0x44_49_53_50_41_54_43_48;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for the database, checks its version, applies what is missing under a lock, and makes the partitions of the coming days.</summary>
    public async Task MigrateAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        RequireVersion(connection);

        await using (var take = new NpgsqlCommand("SELECT pg_advisory_lock($1)", connection) { Parameters = { new() { Value = LockId } } })
        {
            take.CommandTimeout = 0;
            await take.ExecuteNonQueryAsync(ct);
        }

        try
        {
            var options = new DbContextOptionsBuilder<DispatcherDb>();
            DataSource.Configure(options, direct.Source);
            await using var db = new DispatcherDb(options.Options);
            await ApplyAsync(db, ct);
            await Partitions.EnsureAsync(direct.Source, time, ct);
        }
        catch (NpgsqlException e)
        {
            var hint = e.SqlState != PostgresErrorCodes.InsufficientPrivilege ? "" :
                " The user must own the schema \"dispatcher\" or, before there is one, have CREATE on the database.";
            throw new DatabaseSetupException($"The schema could not be brought to this version: {e.Message}.{hint}", e);
        }
        finally
        {
            await using var release = new NpgsqlCommand("SELECT pg_advisory_unlock($1)", connection) { Parameters = { new() { Value = LockId } } };
            await release.ExecuteNonQueryAsync(CancellationToken.None);
        }
    }

    private async Task ApplyAsync(DispatcherDb db, CancellationToken ct)
    {
        var known = db.Database.GetMigrations().ToHashSet(StringComparer.Ordinal);
        var applied = (await db.Database.GetAppliedMigrationsAsync(ct)).ToList();
        if (applied.Find(id => !known.Contains(id)) is { } newer)
        {
            throw new DatabaseSetupException(
                $"The database is newer than this binary: it has the migration \"{newer}\", which this version does not know. Start a newer Dispatcher.");
        }

        if (applied.Count == known.Count) return;
        await db.Database.MigrateAsync(ct);
        var newest = db.Database.GetMigrations().Last();
        LogMigrated(known.Count - applied.Count, newest);
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        // A database that starts beside us (compose, Kubernetes) may need a moment.
        for (var started = time.GetTimestamp(); ;)
        {
            try
            {
                return await direct.Source.OpenConnectionAsync(ct);
            }
            catch (NpgsqlException e) when (e is not PostgresException { SqlState: "28P01" or "28000" or "3D000" })
            {
                if (time.GetElapsedTime(started) > Patience)
                    throw new DatabaseSetupException($"The database cannot be reached: {e.Message} Check ConnectionStrings__Dispatcher.", e);
                LogWaiting(e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, ct);
            }
            catch (PostgresException e)
            {
                throw new DatabaseSetupException($"The database refuses us: {e.MessageText}. Check ConnectionStrings__Dispatcher.", e);
            }
        }
    }

    private static void RequireVersion(NpgsqlConnection connection)
    {
        if (connection.PostgreSqlVersion.Major < OldestMajorVersion)
        {
            throw new DatabaseSetupException(
                $"PostgreSQL {connection.PostgreSqlVersion} is too old: Dispatcher needs PostgreSQL {OldestMajorVersion} or newer.");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Applied {Count} migrations; the schema is at {Newest}")]
    private partial void LogMigrated(int count, string newest);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Waiting for the database: {Reason}")]
    private partial void LogWaiting(string reason);
}
