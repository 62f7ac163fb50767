// A PostgreSQL of a test's own, to be stopped and started again under a running server.

using Dispatcher.Storage.Embedded;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Dispatcher.Tests.Api;

internal sealed class OwnStore : IAsyncDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"dispatcher-store-{Guid.NewGuid():N}");
    private EmbeddedPostgres? _postgres;

    /// <summary>The same after each restart.</summary>
    public string ConnectionString { get; private set; } = "";

    public static async Task<OwnStore> StartAsync()
    {
        var store = new OwnStore();
        await store.RestartAsync();
        return store;
    }

    public async Task RestartAsync()
    {
        _postgres = await EmbeddedPostgres.StartAsync(new EmbeddedPostgresOptions(_folder), NullLogger.Instance, TestContext.Current.CancellationToken);
        // Short patience, so that calls to a stopped server do not wait long.
        var connectionString = new NpgsqlConnectionStringBuilder(_postgres.ConnectionString) { MaxPoolSize = 20, Timeout = 2 }.ConnectionString;
        Assert.True(ConnectionString.Length == 0 || ConnectionString == connectionString);
        ConnectionString = connectionString;
    }

    public async Task StopAsync()
    {
        if (_postgres is { } running) await running.DisposeAsync();
        _postgres = null;
    }

    public Task<TestServer> ServerAsync() => TestServer.StartAsync(null!, connectionString: ConnectionString);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
