// Connections to the database, for the hot path and for EF Core alike.

using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Dispatcher.Storage;

/// <summary>
/// The way to the database past any pooler, for what needs a session of its own: LISTEN, and the lock under which the schema is
/// migrated. The same as all else's where no other was given.
/// </summary>
internal sealed class DirectSource(NpgsqlDataSource source, bool isApart) : IAsyncDisposable
{
    public NpgsqlDataSource Source { get; } = source;

    public ValueTask DisposeAsync() => isApart ? Source.DisposeAsync() : ValueTask.CompletedTask;
}

internal static class DataSource
{
    public const string ConnectionName = "Dispatcher";

    /// <summary>The name of the connection string that leads past a pooler. Given, the other one may lead through a pooler in transaction mode.</summary>
    public const string DirectName = "DispatcherDirect";

    /// <summary>The connections of all but <see cref="DirectSource"/>.</summary>
    /// <exception cref="DatabaseSetupException">The connection string says what Npgsql does not understand.</exception>
    public static NpgsqlDataSource Create(string connectionString, bool isPooled = false) => Build(ConnectionName, connectionString, builder =>
    {
        // The few statements of the hot path are prepared once per connection, without a call for it. A pooler in transaction mode
        // gives each statement another session, so there only who knows that theirs keeps track of them asks for it.
        if (builder.MaxAutoPrepare == 0 && !isPooled) builder.MaxAutoPrepare = 50;
    });

    /// <inheritdoc cref="Create"/>
    public static DirectSource CreateDirect(NpgsqlDataSource pooled, string? connectionString) => string.IsNullOrEmpty(connectionString)
        ? new DirectSource(pooled, isApart: false)
        : new DirectSource(Build(DirectName, connectionString, _ => { }), isApart: true);

    private static NpgsqlDataSource Build(string name, string connectionString, Action<NpgsqlConnectionStringBuilder> adjust)
    {
        try
        {
            // Named, so that metrics do not show the connection string instead.
            var builder = new NpgsqlDataSourceBuilder(connectionString) { Name = name };
            builder.ConnectionStringBuilder.ApplicationName ??= "dispatcher";
            // Nothing of ours changes a session's state, so a connection needs no resetting: that would be four statements each time.
            builder.ConnectionStringBuilder.NoResetOnClose = true;
            adjust(builder.ConnectionStringBuilder);
            return builder.Build();
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException)
        {
            // Npgsql names the keyword, never its value.
            throw new DatabaseSetupException($"ConnectionStrings__{name} cannot be used: {e.Message}", e);
        }
    }

    public static void Configure(DbContextOptionsBuilder options, NpgsqlDataSource source) => options
        .UseNpgsql(source, npgsql => npgsql.MigrationsHistoryTable("migration", DispatcherDb.Schema))
        // The schema's truth is SQL: there is no snapshot of the model to compare with.
        .ConfigureWarnings(warnings => warnings.Ignore(Microsoft.EntityFrameworkCore.Diagnostics.RelationalEventId.PendingModelChangesWarning));
}
