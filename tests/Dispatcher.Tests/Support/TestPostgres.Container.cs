// The PostgreSQL of the test run, from a container: in a build with -p:Testcontainers=true, on a machine with Docker.

using Testcontainers.PostgreSql;

namespace Dispatcher.Tests.Support;

internal sealed class TestPostgres : IAsyncDisposable
{
    /// <summary>The oldest version that the server takes.</summary>
    private const string Image = "postgres:15";

    private readonly PostgreSqlContainer _container;

    private TestPostgres(PostgreSqlContainer container) => _container = container;

    public string ConnectionString => _container.GetConnectionString();

    public static async Task<TestPostgres> StartAsync(IReadOnlyDictionary<string, string> settings, CancellationToken ct)
    {
        var container = new PostgreSqlBuilder(Image).WithCommand([.. settings.SelectMany(s => new[] { "-c", $"{s.Key}={s.Value}" })]).Build();
        await container.StartAsync(ct);
        return new TestPostgres(container);
    }

    public ValueTask DisposeAsync() => _container.DisposeAsync();
}
