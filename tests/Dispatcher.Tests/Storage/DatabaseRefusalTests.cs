// Databases that the server cannot use: it says why, and does not start.

using Dispatcher.Storage;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Storage;

public sealed class DatabaseRefusalTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("Hots=localhost;Password=hunter2", "hots")]
    [InlineData("Host=localhost;Password=hunter2;Port=seven", "port")]
    [InlineData("Username=dispatcher;Password=hunter2", "Host")]
    [InlineData("hunter2", "")]
    public void A_connection_string_that_makes_no_sense_is_refused_by_the_name_of_its_setting(string connectionString, string names)
    {
        var refusal = Assert.Throws<DatabaseSetupException>(() => DataSource.Create(connectionString));

        Assert.StartsWith("ConnectionStrings__Dispatcher cannot be used: ", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(names, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_who_may_not_create_the_schema_is_told_what_it_needs()
    {
        var database = await postgres.CreateDatabaseAsync();
        var guest = $"guest_{Guid.NewGuid():N}";
        await using (var owner = NpgsqlDataSource.Create(database))
        await using (var create = owner.CreateCommand($"CREATE ROLE {guest} LOGIN"))
            await create.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var asGuest = new NpgsqlConnectionStringBuilder(database) { Username = guest }.ConnectionString;

        var refusal = await Assert.ThrowsAsync<DatabaseSetupException>(() => TestServer.StartAsync(postgres, connectionString: asGuest));

        Assert.Contains("permission denied", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("CREATE on the database", refusal.Message, StringComparison.Ordinal);
    }
}
