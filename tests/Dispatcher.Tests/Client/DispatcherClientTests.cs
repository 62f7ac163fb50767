// The client against the documented wire: bodies, answers, refusals.

using System.Text.Json;
using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class DispatcherClientTests
{
    private static readonly EventMessage Message = new("job.completed", JsonPayload.FromText("""{"job_id":"parse_1"}"""));

    [Fact]
    public async Task An_event_goes_out_in_the_documented_shape_with_its_payload_byte_for_byte()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        var message = new EventMessage("job.completed", JsonPayload.FromText("""{ "pages" : 1.0,  "name":"\u00e9 é" }"""))
        {
            Id = "mine-1",
            Project = "invoices",
            Inbox = "mail-1",
            OrderingKey = "parse_1",
        };

        var receipt = await client.PublishAsync(message);

        var request = await server.RequestAsync();
        Assert.Equal(new EventReceipt("mine-1", 2), receipt);
        Assert.Equal("POST /events", $"{request.Method} {request.Path}");
        Assert.Equal(
            """{"type":"job.completed","payload":{ "pages" : 1.0,  "name":"\u00e9 é" },"id":"mine-1","project":"invoices","inbox":"mail-1","ordering_key":"parse_1"}""",
            request.Body);
        Assert.Equal("application/json", request.Headers["Content-Type"]);
        Assert.Equal($"Bearer {PlayedServer.Key}", request.Headers["Authorization"]);
    }

    [Fact]
    public async Task What_is_not_set_is_not_sent()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();

        await client.PublishAsync(Message);

        Assert.Equal("""{"type":"job.completed","payload":{"job_id":"parse_1"}}""", (await server.RequestAsync()).Body);
    }

    [Theory]
    [InlineData("v1")]
    [InlineData("v1/")]
    public async Task A_path_in_the_base_address_is_kept(string path)
    {
        await using var server = await PlayedServer.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(server.Address, path) };
        using var client = new DispatcherClient(http);

        await client.PublishAsync(Message);

        Assert.Equal("/v1/events", (await server.RequestAsync()).Path);
    }

    [Fact]
    public async Task A_callers_HttpClient_outlives_the_client()
    {
        await using var server = await PlayedServer.StartAsync();
        using var http = new HttpClient { BaseAddress = server.Address };
        new DispatcherClient(http).Dispose();

        using var second = new DispatcherClient(http);
        Assert.Equal("evt_made", (await second.PublishAsync(Message)).Id);
    }

    [Fact]
    public async Task A_batch_has_one_outcome_per_item_in_order_and_one_bad_item_does_not_sink_the_rest()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(202, """
            {"data":[{"id":"evt_1","deliveries":3},
                     {"error":{"title":"Invalid request","status":422,"detail":"The event is wrong.","errors":{"type":["must not be empty"]}}},
                     {"id":"evt_3","deliveries":0}]}
            """);

        var outcomes = await client.PublishBatchAsync([Message, Message with { Type = "" }, Message]);

        var request = await server.RequestAsync();
        Assert.Equal("POST /events/batch", $"{request.Method} {request.Path}");
        Assert.Equal(["job.completed", "", "job.completed"], request.Each("type"));
        Assert.Equal([true, false, true], outcomes.Select(outcome => outcome.Succeeded));
        Assert.Equal(new EventReceipt("evt_3", 0), outcomes[2].GetValueOrThrow());
        var error = Assert.Throws<DispatcherApiException>(() => outcomes[1].GetValueOrThrow());
        Assert.Equal((422, "The event is wrong."), (error.Status, error.Detail));
        Assert.Equal(["must not be empty"], error.Errors["type"]);
    }

    [Fact]
    public async Task A_batch_that_is_answered_with_another_number_of_items_is_an_error()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(202, """{"data":[{"id":"evt_1","deliveries":3}]}""");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishBatchAsync([Message, Message]));

        Assert.Equal("2 items were sent, 1 were answered.", error.Detail);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_001)]
    public async Task A_batch_that_the_server_would_not_take_is_not_sent(int count)
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();

        await Assert.ThrowsAsync<ArgumentException>(() => client.PublishBatchAsync([.. Enumerable.Repeat(Message, count)]));

        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task A_refusal_becomes_an_exception_with_all_that_the_server_said()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(
            422,
            """{"title":"Invalid request","status":422,"detail":"Two members are wrong.","errors":{"type":["is unknown","is too long"],"payload":["is missing"]}}""",
            "application/problem+json");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal((422, "Invalid request", "Two members are wrong."), (error.Status, error.Title, error.Detail));
        Assert.Equal(["is unknown", "is too long"], error.Errors["type"]);
        Assert.Equal(["is missing"], error.Errors["payload"]);
        Assert.Equal("422 Invalid request: Two members are wrong. [type: is unknown; is too long] [payload: is missing]", error.Message);
    }

    [Fact]
    public async Task A_proxys_own_page_is_still_an_exception_with_its_status()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(403, "<html>no entry</html>", "text/html");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal((403, "Forbidden"), (error.Status, error.Title));
        Assert.Empty(error.Errors);
    }

    [Fact]
    public async Task A_success_that_is_not_JSON_is_an_error_and_not_a_receipt()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, "<html>hello</html>", "text/html");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.PublishAsync(Message));

        Assert.Equal(200, error.Status);
        Assert.IsType<JsonException>(error.InnerException);
    }

    [Fact]
    public async Task An_integration_is_created_in_the_documented_shape_and_its_secret_comes_back()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(201, """
            {"id":"int_1","type":"webhook","target":"https://example.com/hook","events":["job.*"],"enabled":true,"secret":"whsec_c2VjcmV0",
             "headers":{"Authorization":"***"},"retry":{"base_seconds":2,"max_attempts":10},"metadata":{"team":"erp"},"created_at":"2026-01-01T00:00:00Z"}
            """);

        var integration = await client.CreateIntegrationAsync(new IntegrationSettings(new Uri("https://example.com/hook"), ["job.*"])
        {
            Headers = new Dictionary<string, string> { ["Authorization"] = "Bearer abc" },
            BasicAuth = new BasicAuth("user", "pass"),
            RateLimitPerSecond = 50,
            Retry = new RetrySettings(MaxAttempts: 5),
            Metadata = new Dictionary<string, string> { ["team"] = "erp" },
        });

        var request = await server.RequestAsync();
        Assert.Equal("POST /integrations", $"{request.Method} {request.Path}");
        Assert.Equal(
            """{"target":"https://example.com/hook","events":["job.*"],"type":"webhook","headers":{"Authorization":"Bearer abc"},"basic_auth":{"username":"user","password":"pass"},"rate_limit_per_second":50,"retry":{"max_attempts":5},"metadata":{"team":"erp"}}""",
            request.Body);
        Assert.Equal(("int_1", "whsec_c2VjcmV0", true), (integration.Id, integration.Secret, integration.Enabled));
        Assert.Equal(new RetrySettings(2, 10), integration.Retry);
        Assert.DoesNotContain("c2VjcmV0", integration.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deliveries_are_listed_by_every_documented_filter()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, """{"data":[{"id":"dlv_2","status":"failed","type":"job.failed"}],"next_cursor":"abc"}""");

        var page = await client.ListDeliveriesAsync(new DeliveryQuery
        {
            Integration = "int_1",
            Event = "evt_1",
            Type = "job.failed",
            Status = DeliveryStatus.Exhausted,
            Since = new DateTimeOffset(2026, 1, 1, 2, 0, 0, TimeSpan.FromHours(2)),
            Until = new DateTimeOffset(2026, 1, 2, 0, 0, 0, 500, TimeSpan.Zero),
            Limit = 10,
            Cursor = "a+b",
        });

        var request = await server.RequestAsync();
        Assert.Equal(
            "/deliveries?integration=int_1&event=evt_1&type=job.failed&status=exhausted&since=2026-01-01T00%3A00%3A00Z&until=2026-01-02T00%3A00%3A00.5Z&limit=10&cursor=a%2Bb",
            request.Path);
        Assert.False(request.Headers.ContainsKey("Idempotency-Key"));
        Assert.Equal("abc", page.NextCursor);
        Assert.Equal(DeliveryStatus.Failed, Assert.Single(page.Data).Status);
    }

    [Fact]
    public async Task The_statistics_of_an_integration_are_read_for_a_span()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, """
            {"integration_id":"int_1","since":"2026-01-01T00:00:00.000Z","until":"2026-01-01T06:00:00.000Z","resolution":"minute",
             "attempts":{"total":4,"succeeded":3,"failed":1,"by_outcome":{"succeeded":3,"server_error":1}},
             "deliveries":{"total":3,"succeeded":3,"exhausted":0,"cancelled":0},"success_rate":0.75,
             "latency_ms":{"p50":2.5,"p95":11,"p99":12,"mean":3.5},"pending":10000,"pending_is_more":true,
             "series":[{"at":"2026-01-01T00:00:00.000Z","succeeded":3,"failed":1,"p50":2.5,"p95":11,"p99":12},
                       {"at":"2026-01-01T00:01:00.000Z","succeeded":0,"failed":0,"p50":null,"p95":null,"p99":null}]}
            """);

        var stats = await client.GetStatsAsync(
            "int_1", new DateTimeOffset(2026, 1, 1, 2, 0, 0, TimeSpan.FromHours(2)), new DateTimeOffset(2026, 1, 1, 6, 0, 0, TimeSpan.Zero));

        Assert.Equal("/integrations/int_1/stats?since=2026-01-01T00%3A00%3A00Z&until=2026-01-01T06%3A00%3A00Z", (await server.RequestAsync()).Path);
        Assert.Equal((4, 3, 1, 1), (stats.Attempts.Total, stats.Attempts.Succeeded, stats.Attempts.Failed, stats.Attempts.ByOutcome["server_error"]));
        Assert.Equal(new DeliveryStats(3, 3, 0, 0), stats.Deliveries);
        Assert.Equal((0.75, new LatencyStats(2.5, 11, 12, 3.5), 10_000, true), (stats.SuccessRate, stats.LatencyMs, stats.Pending, stats.PendingIsMore));
        Assert.Equal([2.5, null], stats.Series.Select(point => point.P50));
        Assert.Equal("minute", stats.Resolution);
    }

    [Fact]
    public async Task A_delivery_is_read_with_its_attempts()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, """
            {"id":"dlv_1","event_id":"evt_1","event_type":"job.failed","integration_id":"int_1","status":"succeeded","attempts":[
              {"number":1,"outcome":"headers_timeout","latency_ms":15000.5,"error":"no answer within 15 s"},
              {"number":2,"outcome":"succeeded","status_code":204,"response_headers":{"server":"x"}}]}
            """);

        var delivery = await client.GetDeliveryAsync("dlv_1");

        Assert.Equal("GET /deliveries/dlv_1", await server.RequestAsync() is { } request ? $"{request.Method} {request.Path}" : null);
        Assert.Equal(["headers_timeout", "succeeded"], delivery.Attempts!.Select(attempt => attempt.Outcome));
        Assert.Equal(204, delivery.Attempts![1].StatusCode);
    }
}
