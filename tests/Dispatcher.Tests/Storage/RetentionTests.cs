// Retention per organization: what is kept equally long lies together, and goes by dropping partitions.

using System.Net;
using System.Net.Http.Json;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Storage;

public sealed class RetentionTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_organization_with_a_shorter_retention_loses_its_data_earlier_and_the_others_keep_theirs()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (post, _, context) =>
        {
            context.Response.StatusCode = post.Headers["dispatcher-event"] == "a.bad" ? 500 : 204;
            return Task.CompletedTask;
        };
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await server.Client.PostAsJsonAsync("/organizations", new { id = "brief", retention_days = 7 });
        foreach (var organization in new[] { "default", "brief" })
        {
            await server.Client.PostAsJsonAsync(
                $"/integrations?organization={organization}", new { type = "webhook", events = new[] { "*" }, target = receiver.Url });
            // One that succeeds at once, and one that waits for its retry.
            await server.Client.PostAsJsonAsync($"/events?organization={organization}", new { type = "a.ok", payload = new { } });
            await server.Client.PostAsJsonAsync($"/events?organization={organization}", new { type = "a.bad", payload = new { }, id = "once" });
        }

        await Eventually.TrueAsync(
            async () => await CountAsync("attempt", "default") > 0 && await CountAsync("attempt", "brief") > 0
                && await CountAsync("delivery", "default") == 1 && await CountAsync("delivery", "brief") == 1, "all is recorded");

        // Seven days on, the day is not over for seven days.
        await DropAsync(daysOn: 7);
        Assert.Equal(2, await CountAsync("event", "brief"));
        await DropAsync(daysOn: 8);

        foreach (var table in new[] { "event", "delivery", "attempt", "queue", "event_dedupe" })
        {
            Assert.Equal(0, await CountAsync(table, "brief"));
            Assert.True(await CountAsync(table, "default") > 0, $"{table} lost what is to be kept");
        }

        await DropAsync(daysOn: 31);
        Assert.Equal(0, await CountAsync("event", "default"));

        async Task DropAsync(int daysOn)
        {
            while (await ScalarAsync($"SELECT dispatcher.drop_partitions((now() AT TIME ZONE 'UTC')::date + {daysOn}, 30)") > 0)
            {
            }
        }

        Task<long> CountAsync(string table, string organization) =>
            ScalarAsync($"SELECT count(*) FROM dispatcher.{table} WHERE organization_id = '{organization}'");

        async Task<long> ScalarAsync(string sql)
        {
            await using var command = source.CreateCommand(sql);
            return Convert.ToInt64(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken), System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task A_partition_that_somebody_reads_is_left_for_later_and_events_are_accepted_meanwhile()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        // As a backup does, for as long as it takes.
        await using var backup = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await backup.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var read = new NpgsqlCommand("LOCK TABLE dispatcher.attempt IN ACCESS SHARE MODE", backup, transaction))
            await read.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        await using var drop = source.CreateCommand("SELECT dispatcher.drop_partitions((now() AT TIME ZONE 'UTC')::date + 40, 30)");
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => drop.ExecuteScalarAsync(TestContext.Current.CancellationToken));
        Assert.Equal(PostgresErrorCodes.LockNotAvailable, refusal.SqlState);
        await server.PublishAsync("a.b");

        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, await drop.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_retention_is_one_of_few_and_can_be_changed_and_taken_away()
    {
        await using var server = await TestServer.StartAsync(postgres);
        using var odd = await server.Client.PostAsJsonAsync("/organizations", new { id = "acme", retention_days = 8 });
        await TestServer.ProblemAsync(odd, HttpStatusCode.UnprocessableEntity, "retention_days");
        using var made = await server.Client.PostAsJsonAsync("/organizations", new { id = "acme", name = "Acme" });
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await TestServer.ReadAsync(made, HttpStatusCode.Created)).GetProperty("retention_days").ValueKind);

        using var changed = await server.Client.PatchAsync("/organizations/acme", TestServer.Json("""{"retention_days":90}"""));
        var view = await TestServer.ReadAsync(changed, HttpStatusCode.OK);
        Assert.Equal(90, view.GetProperty("retention_days").GetInt32());
        Assert.Equal("Acme", view.GetProperty("name").GetString());
        await server.Client.PostAsJsonAsync("/events?organization=acme", new { type = "a.b", payload = new { } });
        Assert.Equal(1, (await server.GetAsync("/events?organization=acme")).GetProperty("data").GetArrayLength());

        using var taken = await server.Client.PatchAsync("/organizations/acme", TestServer.Json("""{"retention_days":null}"""));
        Assert.Equal(System.Text.Json.JsonValueKind.Null, (await TestServer.ReadAsync(taken, HttpStatusCode.OK)).GetProperty("retention_days").ValueKind);
        using var unknown = await server.Client.PatchAsync("/organizations/nobody", TestServer.Json("""{"retention_days":7}"""));
        await TestServer.ProblemAsync(unknown, HttpStatusCode.NotFound);
    }
}
