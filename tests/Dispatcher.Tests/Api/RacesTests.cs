// What two callers do to the same thing at once ends in a refusal for one of them, never in a server error.

using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class RacesTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("POST /projects", "{}")]
    [InlineData("POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""")]
    [InlineData("POST /jobs", """{"kind":"parse"}""")]
    public async Task What_comes_into_an_organization_that_has_just_gone_is_409(string call, string body)
    {
        var customer = await api.CustomerAsync();
        await using var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        // Gone without a word to the server, as it is for a request that had looked a moment before.
        await using var command = new NpgsqlCommand(
            $"""
            SET session_replication_role = replica;
            DELETE FROM dispatcher.project WHERE organization_id = '{customer.Id}';
            DELETE FROM dispatcher.organization WHERE id = '{customer.Id}';
            """, connection);
        await command.ExecuteNonQueryAsync();

        await customer.Admin.RefusalAsync(409, call, body);
    }

    [Fact]
    public async Task Of_concurrent_removals_of_the_same_event_type_one_is_made()
    {
        for (var round = 0; round < 5; round++)
        {
            await api.Operator.CallAsync(201, "POST /event-types", """{"name":"gone.at.once"}""");
            var statuses = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                using var answer = await api.Operator.RequestAsync("DELETE /event-types/gone.at.once");
                return (int)answer.StatusCode;
            }));

            Assert.Single(statuses, 204);
            Assert.All(statuses, status => Assert.Contains(status, new[] { 204, 404, 409 }));
        }
    }
}
