// The verb that containers check their health with.

using Dispatcher.Platform.Verbs;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Dispatcher.Tests.Platform.Verbs;

public sealed class HealthCommandTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_server_whose_database_answers_is_healthy()
    {
        await using var server = await TestServer.StartAsync(postgres);

        // The verb waits for 4 s, which a busy machine may need for other things once.
        await Eventually.TrueAsync(async () => await CheckAsync(server.Client.BaseAddress!) == 0, "the server is healthy");
    }

    [Fact]
    public async Task A_server_that_has_lost_its_database_is_not_healthy()
    {
        await using var server = await TestServer.StartAsync(postgres);
        var database = new NpgsqlConnectionStringBuilder(server.ConnectionString).Database!;

        await using var other = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync());
        await using (var refuse = other.CreateCommand($"ALTER DATABASE {database} ALLOW_CONNECTIONS false"))
            await refuse.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using (var end = other.CreateCommand($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"))
            await end.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, await CheckAsync(server.Client.BaseAddress!));
    }

    [Fact]
    public async Task Where_nothing_listens_nothing_is_healthy()
    {
        Uri left;
        await using (var receiver = await Receiver.StartAsync()) left = receiver.Url;

        Assert.Equal(1, await CheckAsync(left));
    }

    [Theory]
    [InlineData(null, null, "http://localhost:8080/")]
    [InlineData(null, "5000", "http://localhost:5000/")]
    [InlineData(null, "5000;5001", "http://localhost:5000/")]
    [InlineData("http://127.0.0.1:5000", "5001", "http://127.0.0.1:5000/")]
    [InlineData("http://+:5000", null, "http://localhost:5000/")]
    [InlineData("http://*:5000", null, "http://localhost:5000/")]
    [InlineData("http://0.0.0.0:5000/", null, "http://localhost:5000/")]
    [InlineData("http://[::]:5000", null, "http://localhost:5000/")]
    [InlineData("http://[::1]:5000", null, "http://[::1]:5000/")]
    [InlineData("https://webhooks.example.com:5001;http://localhost:5000", null, "http://localhost:5000/")]
    public void The_address_is_the_one_that_the_server_is_configured_to_listen_on(string? urls, string? ports, string expected)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?> { ["urls"] = urls, ["http_ports"] = ports }).Build();

        Assert.Equal(new Uri(expected), HealthCommand.AddressOf(configuration));
    }

    private static Task<int> CheckAsync(Uri server) => HealthCommand.CheckAsync(server, TestContext.Current.CancellationToken);
}
