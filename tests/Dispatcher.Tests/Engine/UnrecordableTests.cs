// Attempts that the database refuses to record: the delivery is neither lost nor sent without end.

using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Dispatcher.Tests.Engine;

public sealed class UnrecordableTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_answer_that_the_database_refuses_is_left_out_of_the_record_and_the_delivery_has_succeeded()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await ExecuteAsync(source, "ALTER TABLE dispatcher.delivery ADD CONSTRAINT refused CHECK (last_response_body IS NULL)");
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, _, context) => await context.Response.WriteAsync("thanks");
        await server.RegisterAsync(receiver.Url);

        var id = (await server.PublishAsync("a.b")).GetProperty("id").GetString();
        await Eventually.TrueAsync(async () => (await server.GetAsync($"/deliveries?event={id}&status=succeeded")).GetProperty("data").GetArrayLength() == 1, "it succeeds");
        var delivery = (await server.GetAsync($"/deliveries?event={id}")).GetProperty("data")[0].GetProperty("id").GetString();
        var attempt = (await server.GetAsync($"/deliveries/{delivery}")).GetProperty("attempts")[0];
        Assert.Equal(200, attempt.GetProperty("status_code").GetInt32());
        Assert.Equal("The answer could not be recorded: 23514", attempt.GetProperty("error").GetString());
        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task An_attempt_that_cannot_be_recorded_at_all_is_counted_and_its_row_given_back_to_be_sent_later()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await ExecuteAsync(source, "ALTER TABLE dispatcher.delivery ADD CONSTRAINT refused CHECK (status <> 'succeeded')");
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);

        var id = (await server.PublishAsync("a.b")).GetProperty("id").GetString();
        await receiver.WaitForAsync(1);
        await Eventually.TrueAsync(async () => await CountAsync(
            source, "SELECT count(*) FROM dispatcher.queue WHERE owner IS NULL AND attempts = 1 AND due_at > now() + interval '5 minutes'") == 1, "it is given back");
        await ExecuteAsync(source, "ALTER TABLE dispatcher.delivery DROP CONSTRAINT refused");
        var delivery = (await server.GetAsync($"/deliveries?event={id}")).GetProperty("data")[0].GetProperty("id").GetString();
        using var retried = await server.Client.PostAsync($"/deliveries/{delivery}/retry", null);
        Assert.True(retried.IsSuccessStatusCode, $"{retried.StatusCode}");

        await receiver.WaitForAsync(2);
        Assert.Equal([1, 2], receiver.All.Select(p => p.Attempt));
        await Eventually.TrueAsync(async () => await CountAsync(source, "SELECT count(*) FROM dispatcher.queue") == 0, "it is recorded");
    }

    private static async Task<long> CountAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
