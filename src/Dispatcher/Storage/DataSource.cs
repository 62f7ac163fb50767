// Connections to the database, for the hot path and for EF Core alike.

using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Dispatcher.Storage;

internal static class DataSource
{
    /// <exception cref="DatabaseSetupException">The connection string says what Npgsql does not understand.</exception>
    public static NpgsqlDataSource Create(string connectionString)
    {
        try
        {
            return Build(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException)
        {
            // Npgsql names the keyword, never its value.
            throw new DatabaseSetupException($"ConnectionStrings__Dispatcher cannot be used: {e.Message}", e);
        }
    }

    private static NpgsqlDataSource Build(string connectionString)
    {
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        builder.ConnectionStringBuilder.ApplicationName ??= "dispatcher";
        // Nothing of ours changes a session's state, so a connection needs no resetting: that would be four statements each time.
        builder.ConnectionStringBuilder.NoResetOnClose = true;
        // The few statements of the hot path are prepared once per connection, without a call for it.
        if (builder.ConnectionStringBuilder.MaxAutoPrepare == 0) builder.ConnectionStringBuilder.MaxAutoPrepare = 50;
        return builder.Build();
    }

    public static void Configure(DbContextOptionsBuilder options, NpgsqlDataSource source) => options
        .UseNpgsql(source, npgsql => npgsql.MigrationsHistoryTable("migration", DispatcherDb.Schema))
        // The schema's truth is SQL: there is no snapshot of the model to compare with.
        .ConfigureWarnings(warnings => warnings.Ignore(Microsoft.EntityFrameworkCore.Diagnostics.RelationalEventId.PendingModelChangesWarning));
}
