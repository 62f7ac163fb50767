// GET /integrations/{id}/stats and GET /stats: what is read is what was sent.

using System.Text.Json;
using Dispatcher.Dispatching;
using Dispatcher.Sending;
using Dispatcher.Statistics;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Dispatcher.Tests.Statistics;

public sealed class StatisticsApiTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Fact]
    public async Task Attempts_and_deliveries_are_counted_by_how_they_ended()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        // The first event succeeds at once; the second fails twice and then succeeds; the third never does.
        var answers = new Dictionary<string, int[]> { ["a.good"] = [204], ["a.late"] = [500, 429, 204], ["a.bad"] = [404, 503, 500] };
        receiver.Answer = async (post, _, context) =>
        {
            context.Response.StatusCode = answers[post.Headers["dispatcher-event"]][post.Attempt - 1];
            if (post.Headers["dispatcher-event"] == "a.good") await Task.Delay(60);
        };
        var id = (await customer.RegisterAsync(receiver.Url, "\"retry\":{\"max_attempts\":3}", "\"a.*\"")).Text("id");
        foreach (var type in answers.Keys) await customer.PublishAsync(type);

        var stats = await StatsAsync(customer, id, s => Deliveries(s, "total") == 3);

        Assert.Equal((3, 2, 1, 0), (Deliveries(stats, "total"), Deliveries(stats, "succeeded"), Deliveries(stats, "exhausted"), Deliveries(stats, "cancelled")));
        Http.AssertJson(
            """{"total":7,"succeeded":2,"failed":5,"by_outcome":{"succeeded":2,"server_error":3,"client_error":1,"rate_limited":1}}""",
            stats.GetProperty("attempts"));
        Assert.Equal(2 / 7d, stats.GetProperty("success_rate").GetDouble(), 0.0001);
        Assert.Equal((0, false), (stats.GetProperty("pending").GetInt32(), stats.GetProperty("pending_is_more").GetBoolean()));
        // Seven attempts, of which one took 60 ms or more.
        Assert.True(stats.GetProperty("latency_ms").GetProperty("p99").GetDouble() >= 60 * (1 - LatencyHistogram.MaxError), stats.ToString());
        Assert.True(stats.GetProperty("latency_ms").GetProperty("mean").GetDouble() >= 60 / 7d, stats.ToString());
        var series = stats.GetProperty("series").EnumerateArray().ToList();
        Assert.Equal((2, 5), (series.Sum(p => p.GetProperty("succeeded").GetInt64()), series.Sum(p => p.GetProperty("failed").GetInt64())));
        Assert.Equal(["at", "succeeded", "failed", "p50", "p95", "p99"], series[0].Members());
    }

    [Fact]
    public async Task An_integration_without_attempts_has_neither_a_rate_nor_latencies()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");

        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats");

        Assert.Equal(
            ["integration_id", "since", "until", "resolution", "attempts", "deliveries", "success_rate", "latency_ms", "pending", "pending_is_more", "series"],
            stats.Members());
        Assert.Equal(id, stats.Text("integration_id"));
        Assert.Equal("hour", stats.Text("resolution"));
        Assert.Equal(JsonValueKind.Null, stats.GetProperty("success_rate").ValueKind);
        Assert.Equal(JsonValueKind.Null, stats.GetProperty("latency_ms").ValueKind);
        Assert.InRange(stats.GetProperty("series").GetArrayLength(), 24, 25);
        Assert.All(stats.GetProperty("series").EnumerateArray(), p => Assert.Equal(JsonValueKind.Null, p.GetProperty("p50").ValueKind));
    }

    [Fact]
    public async Task A_caller_reads_what_it_has_just_done()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"base_seconds\":3600}")).Text("id");
        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed");

        // What waits is pending until it is cancelled.
        Assert.Equal(1, (await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats")).GetProperty("pending").GetInt32());
        await customer.Admin.CallAsync(200, $"POST /deliveries/{delivery.Text("id")}/cancel");
        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats");

        Assert.Equal((1, 1, 0), (Deliveries(stats, "cancelled"), Deliveries(stats, "total"), stats.GetProperty("pending").GetInt32()));
        Assert.Equal(1, stats.GetProperty("attempts").GetProperty("by_outcome").GetProperty("connection_refused").GetInt32());
    }

    [Fact]
    public async Task An_attempt_under_way_when_its_delivery_is_cancelled_counts_and_the_delivery_counts_as_cancelled_only()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var answer = new TaskCompletionSource();
        receiver.Answer = (_, _, _) => answer.Task;
        var id = (await customer.RegisterAsync(receiver.Url)).Text("id");
        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "delivering");
        await receiver.WaitForAsync(1);

        await customer.Admin.CallAsync(200, $"POST /deliveries/{delivery.Text("id")}/cancel");
        answer.SetResult();

        var stats = await StatsAsync(customer, id, s => s.GetProperty("attempts").GetProperty("total").GetInt32() == 1);
        Http.AssertJson("""{"total":1,"succeeded":0,"exhausted":0,"cancelled":1}""", stats.GetProperty("deliveries"));
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task A_record_that_went_through_although_its_outcome_was_unknown_counts_as_the_deliverys_end(bool sameAttempt, int ended)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var id = (await customer.RegisterAsync(receiver.Url)).Text("id");
        var made = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "succeeded");
        await StatsAsync(customer, id, s => Deliveries(s, "succeeded") == 1);

        // The next try at recording finds the row gone. What was recorded may be the same attempt, or another node's.
        var started = made.GetProperty("attempts")[0].GetProperty("started_at").GetDateTimeOffset();
        var source = api.Server.Services.GetRequiredService<NpgsqlDataSource>();
        var deliveryId = Guid.ParseExact(made.Text("id")[4..], "N");
        if (sameAttempt) started = await new Records(api.Server.ConnectionString).ScalarAsync<DateTime>($"SELECT last_started_at FROM dispatcher.delivery WHERE id = '{deliveryId}'");
        else started += TimeSpan.FromMilliseconds(1);
        var attempt = new FinishedAttempt(
            new Delivery
            {
                Id = deliveryId,
                EventId = Guid.Empty,
                MessageId = "",
                Organization = customer.Id,
                Project = null,
                EventType = "a.b",
                Payload = [],
                IntegrationId = Guid.ParseExact(id[4..], "N"),
                IntegrationVersion = 1,
                Retention = 0,
                Owner = new NodeIdentity(0),
            },
            null!,
            new SendResult { Outcome = SendOutcome.Succeeded, StartedAt = started, UnixTimestamp = 0, Latency = TimeSpan.Zero, Signature = "" });
        await using (var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await api.Server.Services.GetRequiredService<AttemptCount>().AddAsync([attempt], [deliveryId], connection, TestContext.Current.CancellationToken);
        }

        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats");
        Assert.Equal((2, ended), (stats.GetProperty("attempts").GetProperty("total").GetInt32(), Deliveries(stats, "succeeded")));
    }

    [Fact]
    public async Task More_waiting_deliveries_than_are_counted_are_said_to_be_more()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"enabled\":false")).Text("id");
        var records = new Records(api.Server.ConnectionString);
        await records.ExecuteAsync(
            $"""
            INSERT INTO dispatcher.queue (organization_id, id, event_id, integration_id, due_at, retention)
            SELECT '{customer.Id}', gen_random_uuid(), gen_random_uuid(), '{Guid.ParseExact(id[4..], "N")}', now(), 0 FROM generate_series(1, 10001)
            """);

        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats");

        Assert.Equal((10_000, true), (stats.GetProperty("pending").GetInt32(), stats.GetProperty("pending_is_more").GetBoolean()));
        // Nobody waits for them: the integration is disabled.
        var server = await api.Operator.CallAsync(200, $"GET /stats?organization={customer.Id}");
        Assert.Equal(10_001, server.GetProperty("queue").GetProperty("depth").GetInt32());
        Assert.Equal(JsonValueKind.Null, server.GetProperty("queue").GetProperty("oldest_due_at").ValueKind);
    }

    [Theory]
    [InlineData(5, "minute", 1)]
    [InlineData(7, "hour", 60)]
    public async Task Up_to_six_hours_come_by_the_minute_and_more_by_the_hour_from_the_beginning_of_one(int hours, string resolution, int minutes)
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");
        var until = TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(5);
        var since = until - TimeSpan.FromHours(hours);

        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats?since={since:yyyy-MM-ddTHH:mm:ss.fffZ}&until={until:yyyy-MM-ddTHH:mm:ss.fffZ}");

        Assert.Equal(resolution, stats.Text("resolution"));
        var step = TimeSpan.FromMinutes(minutes);
        var floored = new DateTimeOffset(since.UtcTicks - (since.UtcTicks % step.Ticks), TimeSpan.Zero);
        Assert.Equal(floored, stats.GetProperty("since").GetDateTimeOffset());
        var points = stats.GetProperty("series").EnumerateArray().Select(p => p.GetProperty("at").GetDateTimeOffset()).ToList();
        Assert.Equal(floored, points[0]);
        Assert.All(points.Zip(points.Skip(1)), pair => Assert.Equal(step, pair.Second - pair.First));
        Assert.InRange(points[^1], until - step, until);
    }

    [Fact]
    public async Task Only_the_minutes_of_the_span_count()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");
        var now = TimeProvider.System.GetUtcNow();
        var minute = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMinute), TimeSpan.Zero) - TimeSpan.FromHours(1);
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $$"""
            INSERT INTO dispatcher.stats_minute
            SELECT '{{customer.Id}}', '{{Guid.ParseExact(id[4..], "N")}}', '{{minute:O}}'::timestamptz + make_interval(mins => n), 0, 0, n, 0, 0, 1000, 5, ARRAY[n], ARRAY[n]
            FROM unnest(ARRAY[1, 2, 4, 8]) n
            """);

        var stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats?since={minute.AddMinutes(2).AddSeconds(30):yyyy-MM-ddTHH:mm:ssZ}&until={minute.AddMinutes(8):yyyy-MM-ddTHH:mm:ssZ}");

        // From the beginning of the second minute to the end of the seventh.
        Assert.Equal(6, stats.GetProperty("attempts").GetProperty("succeeded").GetInt32());
        Assert.Equal([2, 0, 4, 0, 0, 0], stats.GetProperty("series").EnumerateArray().Select(p => p.GetProperty("succeeded").GetInt32()));
    }

    [Theory]
    [InlineData("since=yesterday", "since")]
    [InlineData("since=2023-10-01T12:00:00", "since")]
    [InlineData("since=2023-10-01T12:00:00Z&until=soon", "until")]
    [InlineData("since=2999-01-01T00:00:00Z", "since")]
    [InlineData("since=2023-10-02T00:00:00Z&until=2023-10-01T00:00:00Z", "since")]
    [InlineData("since=2023-10-02T00:00:00Z&until=2023-10-02T00:00:00Z", "since")]
    [InlineData("since=2023-10-01T00:00:00Z&until=2023-11-01T00:00:01Z", "since")]
    [InlineData("since=2023-10-01T00:00:00Z", "since")]
    public async Task A_wrong_span_is_refused_by_its_name(string query, string member)
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"))).Text("id");

        await customer.Admin.RefusalAsync(422, $"GET /integrations/{id}/stats?{query}", null, member);
        await api.Operator.RefusalAsync(422, $"GET /stats?{query}", null, member);
    }

    [Theory]
    [InlineData("until=0001-01-01T00:00:00Z", 422)]
    [InlineData("until=0001-01-01T12:00:00Z", 200)]
    [InlineData("until=9999-12-31T23:59:59Z", 200)]
    [InlineData("since=2023-10-01T00:00:00Z&until=2023-11-01T00:00:00Z", 200)]
    public async Task The_ends_of_time_are_no_reason_to_fail(string query, int status)
    {
        using var answer = await api.Operator.RequestAsync($"GET /stats?{query}");

        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 200) Assert.InRange(JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("series").GetArrayLength(), 0, 750);
    }

    [Fact]
    public async Task Another_tenants_integration_and_one_that_is_deleted_are_not_found()
    {
        var (customer, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"project\":\"mine\"")).Text("id");
        using var mine = await customer.ClientAsync("member", "mine");
        using var anotherProject = await customer.ClientAsync("admin", "other");

        await mine.CallAsync(200, $"GET /integrations/{id}/stats");
        await anotherProject.RefusalAsync(404, $"GET /integrations/{id}/stats");
        await other.Admin.RefusalAsync(404, $"GET /integrations/{id}/stats");
        await api.Operator.RefusalAsync(404, $"GET /integrations/{id}/stats");
        await api.Operator.CallAsync(200, $"GET /integrations/{id}/stats?organization={customer.Id}");
        await customer.Admin.CallAsync(204, $"DELETE /integrations/{id}");
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{id}/stats");
        await customer.Admin.RefusalAsync(404, "GET /integrations/int_x/stats");
    }

    [Fact]
    public async Task An_operator_reads_an_organizations_accepted_events_deliveries_and_queue()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "", "\"a.b\"");
        await customer.RegisterAsync(receiver.Url, "", "\"a.*\"");
        await customer.Admin.CallAsync(202, "POST /events/batch", """[{"type":"a.b","payload":{},"id":"one"},{"type":"a.c","payload":{}},{"type":"nobody.cares","payload":{}}]""");
        // A repeated event is no new one.
        await customer.Admin.CallAsync(200, "POST /events", """{"type":"a.b","payload":{},"id":"one"}""");
        await receiver.WaitForAsync(3);

        JsonElement stats = default;
        await Eventually.TrueAsync(async () =>
        {
            stats = await api.Operator.CallAsync(200, $"GET /stats?organization={customer.Id}");
            return Deliveries(stats, "total") == 3;
        }, "all is counted");

        Assert.Equal(customer.Id, stats.Text("organization"));
        Http.AssertJson("""{"events":3,"deliveries":3}""", stats.GetProperty("accepted"));
        Http.AssertJson("""{"depth":0,"depth_is_more":false,"oldest_due_at":null}""", stats.GetProperty("queue"));
        var last = stats.GetProperty("series").EnumerateArray().Where(p => p.GetProperty("accepted").GetInt32() > 0).ToList();
        Assert.Equal((3, 3), (last.Sum(p => p.GetProperty("accepted").GetInt32()), last.Sum(p => p.GetProperty("delivered").GetInt32())));
        var all = await api.Operator.CallAsync(200, "GET /stats");
        Assert.Equal(JsonValueKind.Null, all.GetProperty("organization").ValueKind);
        Assert.True(all.GetProperty("accepted").GetProperty("events").GetInt32() >= 3);
        await api.Operator.RefusalAsync(404, "GET /stats?organization=nobody");
    }

    [Fact]
    public async Task What_is_cancelled_with_a_deleted_integration_counts_for_its_organization()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"base_seconds\":3600}")).Text("id");
        for (var i = 0; i < 3; i++) await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed");

        await customer.Admin.CallAsync(204, $"DELETE /integrations/{id}");

        await Eventually.TrueAsync(async () =>
            Deliveries(await api.Operator.CallAsync(200, $"GET /stats?organization={customer.Id}"), "cancelled") == 3, "three are counted as cancelled");
    }

    private static async Task<JsonElement> StatsAsync(Customer customer, string id, Func<JsonElement, bool> complete)
    {
        JsonElement stats = default;
        await Eventually.TrueAsync(async () => complete(stats = await customer.Admin.CallAsync(200, $"GET /integrations/{id}/stats")), "all is counted");
        return stats;
    }

    private static int Deliveries(JsonElement stats, string member) => stats.GetProperty("deliveries").GetProperty(member).GetInt32();
}
