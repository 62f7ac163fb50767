// The PostgreSQL of the test run, from binaries of this machine. With -p:Testcontainers=true it comes from a container instead.

using Dispatcher.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dispatcher.Tests.Support;

internal sealed class TestPostgres : IAsyncDisposable
{
    private readonly string _folder;
    private readonly EmbeddedPostgres _postgres;

    private TestPostgres(string folder, EmbeddedPostgres postgres) => (_folder, _postgres) = (folder, postgres);

    public string ConnectionString => _postgres.ConnectionString;

    public static async Task<TestPostgres> StartAsync(IReadOnlyDictionary<string, string> settings, CancellationToken ct)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"dispatcher-tests-{Guid.NewGuid():N}");
        return new TestPostgres(folder, await EmbeddedPostgres.StartAsync(new EmbeddedPostgresOptions(folder) { Settings = settings }, NullLogger.Instance, ct));
    }

    public async ValueTask DisposeAsync()
    {
        await _postgres.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
