// An integration that fails for days without one success is disabled, once, and told of; a success or a new start resets the clock.
// The days are not waited for: the time at which the failures began is moved back in the database.

using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Engine;

public sealed class AutoDisableTests(PostgresFixture postgres)
{
    private static readonly Dictionary<string, string?> Once = new() { ["Dispatcher:Retry:MaxAttempts"] = "1" };

    [Fact]
    public async Task The_first_failure_after_five_days_of_failures_disables_the_integration_and_an_event_says_so()
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        await using var watching = await Receiver.StartAsync();
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await server.RegisterAsync(watching.Url, null, "integration.disabled");
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "5 days 1 second");

        await server.PublishAsync("a.b");

        var told = JsonElement.Parse((await watching.WaitForAsync(1))[0].Body);
        Assert.Equal((id, "failing"), (told.GetProperty("integration_id").GetString(), told.GetProperty("reason").GetString()));
        Assert.True(told.TryGetProperty("disabled_at", out _));
        var read = await server.GetAsync($"/integrations/{id}");
        Assert.Equal((false, "failing"), (read.GetProperty("enabled").GetBoolean(), read.GetProperty("disabled_reason").GetString()));
        Assert.Equal(0, (await server.PublishAsync("a.b")).GetProperty("deliveries").GetInt32());
    }

    [Fact]
    public async Task A_failure_before_the_five_days_are_over_disables_nothing()
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "4 days 23 hours 50 minutes");

        await server.PublishAsync("a.b");
        await SettledAsync(server, id, 2);

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
    }

    [Fact]
    public async Task The_time_alone_disables_nothing_without_a_further_failure()
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "30 days");

        await SettledAsync(server, id, 1);

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task One_success_in_between_begins_the_five_days_anew(bool settledBeforeTheNextFailure)
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        receiver.Answer = (post, _, context) =>
        {
            context.Response.StatusCode = post.Headers["dispatcher-event"] == "a.good" ? 204 : 500;
            return Task.CompletedTask;
        };
        var id = (await server.RegisterAsync(receiver.Url, null, "a.*")).GetProperty("id").GetString()!;
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "30 days");

        await server.PublishAsync("a.good");
        await receiver.WaitForAsync(2);
        if (settledBeforeTheNextFailure) await SettledAsync(server, id, 2);
        await server.PublishAsync("a.b");
        await SettledAsync(server, id, 3);

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
        // The success ends what is known of failures; the last failure is noted a moment after it was recorded.
        await Eventually.TrueAsync(
            async () => await new Records(server.ConnectionString).ScalarAsync<bool?>(
                $"SELECT failing_since > now() - interval '1 hour' FROM dispatcher.integration_health WHERE integration_id = '{Uuid(id)}'") == true,
            "the integration fails since a moment ago");
    }

    [Fact]
    public async Task A_success_on_another_node_counts_as_well()
    {
        await using var one = await TestServer.StartAsync(postgres, Once);
        await using var two = await TestServer.StartAsync(postgres, Once, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await one.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await one.PublishAsync("a.b");
        await SinceAsync(one, id, "30 days");

        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        };
        await two.PublishAsync("a.b");
        await SettledAsync(two, id, 2);

        await Eventually.TrueAsync(async () => await FailingAsync(one, id) == 0, "the other node's success is known");
    }

    [Fact]
    public async Task Two_nodes_that_see_it_fail_at_once_disable_it_and_tell_of_it_once()
    {
        await using var one = await TestServer.StartAsync(postgres, Once);
        await using var two = await TestServer.StartAsync(postgres, Once, connectionString: one.ConnectionString);
        await using var receiver = await Receiver.StartAsync(500);
        var ids = new List<string>();
        for (var i = 0; i < 5; i++) ids.Add((await one.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!);
        await one.PublishAsync("a.b");
        foreach (var id in ids) await SinceAsync(one, id, "6 days");

        await Task.WhenAll(one.PublishAsync("a.b"), two.PublishAsync("a.b"));
        await Eventually.TrueAsync(async () => await new Records(one.ConnectionString).ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue") == 0, "all have failed");
        await Task.WhenAll(SettleAsync(one), SettleAsync(two));

        foreach (var id in ids)
            await Eventually.TrueAsync(async () => !(await one.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled");
        await Task.WhenAll(SettleAsync(one), SettleAsync(two));
        var told = (await one.GetAsync("/events?type=integration.disabled")).GetProperty("data");
        Assert.Equal(5, told.GetArrayLength());
    }

    [Theory]
    [InlineData("""{"enabled":true}""")]
    [InlineData("""{"target":"http://127.0.0.1:9/elsewhere"}""")]
    public async Task An_integration_that_is_enabled_again_or_pointed_elsewhere_starts_afresh(string change)
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "6 days");
        await server.Client.PatchAsJsonAsync($"/integrations/{id}", new { name = "no reason to begin anew" });
        if (change.Contains("enabled", StringComparison.Ordinal)) await server.Client.PatchAsJsonAsync($"/integrations/{id}", new { enabled = false });
        Assert.Equal(1, await FailingAsync(server, id));

        using var answer = await server.Client.PatchAsync($"/integrations/{id}", TestServer.Json(change));
        await TestServer.ReadAsync(answer, HttpStatusCode.OK);
        Assert.Equal(0, await FailingAsync(server, id));
        await server.PublishAsync("a.b");
        await SettledAsync(server, id, 2);

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
    }

    [Fact]
    public async Task What_waits_for_an_integration_that_fails_for_too_long_is_kept_and_sent_once_it_is_enabled_again()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            // Just under a second.
            ["Dispatcher:Delivery:DisableAfterDays"] = "0.00001",
            ["Dispatcher:Retry:BaseSeconds"] = "0.5",
        });
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await server.PublishAsync("a.b");

        await Eventually.TrueAsync(async () => !(await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled");
        Assert.Equal("failing", (await server.GetAsync($"/integrations/{id}")).GetProperty("disabled_reason").GetString());

        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 204;
            return Task.CompletedTask;
        };
        await server.Client.PatchAsJsonAsync($"/integrations/{id}", new { enabled = true });
        await Eventually.TrueAsync(async () => (await server.GetAsync("/deliveries?status=succeeded")).GetProperty("data").GetArrayLength() == 1, "it is delivered");
    }

    [Fact]
    public async Task One_that_only_fails_to_take_the_servers_own_events_is_disabled_without_a_further_event()
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        await using var ordinary = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "delivery.exhausted")).GetProperty("id").GetString()!;
        await server.RegisterAsync(ordinary.Url, null, "a.b");
        await server.PublishAsync("a.b");
        await SinceAsync(server, id, "6 days");

        await server.PublishAsync("a.b");

        await Eventually.TrueAsync(async () => !(await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean(), "it is disabled");
        Assert.Equal(0, (await server.GetAsync("/events?type=integration.disabled")).GetProperty("data").GetArrayLength());
    }

    [Fact]
    public async Task With_zero_days_nothing_is_disabled()
    {
        await using var server = await TestServer.StartAsync(postgres, new(Once) { ["Dispatcher:Delivery:DisableAfterDays"] = "0" });
        await using var receiver = await Receiver.StartAsync(500);
        var id = (await server.RegisterAsync(receiver.Url, null, "a.b")).GetProperty("id").GetString()!;
        await new Records(server.ConnectionString).ExecuteAsync(
            $"INSERT INTO dispatcher.integration_health VALUES ('default', '{Uuid(id)}', now() - interval '100 days')");

        await server.PublishAsync("a.b");
        await SettledAsync(server, id, 1);

        Assert.True((await server.GetAsync($"/integrations/{id}")).GetProperty("enabled").GetBoolean());
    }

    [Fact]
    public async Task A_thousand_last_failures_at_once_are_all_told()
    {
        await using var server = await TestServer.StartAsync(postgres, Once);
        await using var receiver = await Receiver.StartAsync(500);
        await using var watching = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url, null, "a.b");
        await server.RegisterAsync(watching.Url, null, "delivery.exhausted");

        var batch = "[" + string.Join(",", Enumerable.Repeat("""{"type":"a.b","payload":{}}""", 1000)) + "]";
        using var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(batch));
        await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);

        var told = await watching.WaitForAsync(1000);
        Assert.Equal(1000, told.Select(p => JsonElement.Parse(p.Body).GetProperty("delivery_id").GetString()).Distinct().Count());
    }

    [Fact]
    public async Task Integrations_that_are_gone_at_once_are_each_disabled_and_told_of_once()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        await using var receiver = await Receiver.StartAsync(410);
        await using var watching = await Receiver.StartAsync();
        for (var i = 0; i < 10; i++) await server.RegisterAsync(receiver.Url, null, "a.b");
        await server.RegisterAsync(watching.Url, null, "integration.disabled");

        var batch = "[" + string.Join(",", Enumerable.Repeat("""{"type":"a.b","payload":{}}""", 20)) + "]";
        using var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(batch));
        await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);

        await watching.WaitForAsync(10);
        await Eventually.TrueAsync(async () => await new Records(server.ConnectionString).ScalarAsync<long>(
            "SELECT count(*) FROM dispatcher.queue WHERE owner IS NOT NULL") == 0, "nothing is under way");
        var told = (await server.GetAsync("/events?type=integration.disabled")).GetProperty("data");
        Assert.Equal(10, told.GetArrayLength());
    }

    /// <summary>Waits until it is known that an integration fails, and says it had begun so long ago.</summary>
    private static async Task SinceAsync(TestServer server, string id, string ago)
    {
        await SettledAsync(server, id, 1);
        Assert.Equal(1, await FailingAsync(server, id));
        await new Records(server.ConnectionString).ExecuteAsync(
            $"UPDATE dispatcher.integration_health SET failing_since = now() - interval '{ago}' WHERE integration_id = '{Uuid(id)}'");
    }

    /// <summary>Waits until so many attempts have been seen, and has the server settle them.</summary>
    private static async Task SettledAsync(TestServer server, string id, int attempts)
    {
        await Eventually.TrueAsync(
            async () => (await server.GetAsync($"/integrations/{id}/stats")).GetProperty("attempts").GetProperty("total").GetInt32() == attempts, $"{attempts} attempts");
        await SettleAsync(server);
    }

    private static Task SettleAsync(TestServer server) => server.Services.GetRequiredService<FailureWatch>().SettleAsync();

    private static Task<long> FailingAsync(TestServer server, string id) => new Records(server.ConnectionString).ScalarAsync<long>(
        $"SELECT count(*) FROM dispatcher.integration_health WHERE integration_id = '{Uuid(id)}'");

    private static Guid Uuid(string id) => Guid.ParseExact(id[4..], "N");
}
