// What one request may cost: in bytes, in time, in depth, and in what all of them hold together.

using System.Text;
using System.Text.Json;
using Dispatcher.Platform;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Api;

public sealed class RequestLimitsTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private const int MiB = 1024 * 1024;

    private Uri Address => api.Operator.BaseAddress!;

    [Fact]
    public async Task Every_endpoint_that_takes_a_body_refuses_one_beyond_its_limit_by_its_announcement()
    {
        var endpoints = api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<IAcceptsMetadata>() is not null && e.Metadata.GetMetadata<Access.Admits>() is not null).ToList();
        Assert.NotEmpty(endpoints);
        foreach (var endpoint in endpoints)
        {
            var limit = endpoint.Metadata.GetMetadata<BodyLimit>()?.Bytes ?? BodyLimit.DefaultBytes;
            var path = System.Text.RegularExpressions.Regex.Replace(endpoint.RoutePattern.RawText!, @"\{\w+\}", "x");
            using var client = await RawClient.ConnectAsync(Address);

            await client.RequestAsync($"{endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]} {path}", $"Content-Length: {limit + 1}");

            var answer = await client.AnswerAsync();
            Assert.True(answer.Status == 413, $"{endpoint}: {answer}");
            Assert.Contains($"larger than {limit} bytes", answer.Body, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("POST /projects", BodyLimit.DefaultBytes, null)]
    [InlineData("POST /projects", BodyLimit.DefaultBytes, "with-a-key")]
    [InlineData("PATCH /jobs/x", BodyLimit.DefaultBytes, null)]
    [InlineData("POST /events", (256 + 64) * 1024, null)]
    [InlineData("POST /events", (256 + 64) * 1024, "with-a-key")]
    [InlineData("POST /jobs/batch", 16 * MiB, null)]
    public async Task A_body_without_a_length_ends_at_the_limit(string call, int limit, string? idempotencyKey)
    {
        using var request = new HttpRequestMessage(new HttpMethod(call.Split(' ')[0]), call.Split(' ')[1]);
        request.Content = new StreamContent(new MemoryStream(Encoding.ASCII.GetBytes(new string(' ', limit + 1))));
        request.Headers.TransferEncodingChunked = true;
        if (idempotencyKey is not null) request.Headers.Add("Idempotency-Key", idempotencyKey);

        using var answer = await api.Operator.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Contains($"larger than {limit} bytes", (await answer.RefusalAsync(413)).Text("detail"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_exactly_the_limit_is_read_whole_with_and_without_a_length()
    {
        var json = """{"name":"n"}""".PadRight(BodyLimit.DefaultBytes);
        foreach (var chunked in new[] { false, true })
        {
            foreach (var key in new[] { null, $"exact-{chunked}" })
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/projects") { Content = new StringContent(json) };
                request.Headers.TransferEncodingChunked = chunked;
                if (key is not null) request.Headers.Add("Idempotency-Key", key);
                using var answer = await api.Operator.SendAsync(request, TestContext.Current.CancellationToken);
                Assert.Equal(201, (int)answer.StatusCode);
            }
        }

        Assert.Equal(0, Budget(api.Server).Held);
    }

    [Theory]
    [InlineData("Content-Length: 60000000")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task What_a_client_announces_takes_no_memory_before_it_comes(string announcement)
    {
        await using var server = await TestServer.StartAsync(postgres);
        using var client = await RawClient.ConnectAsync(server.Client.BaseAddress!);

        await client.RequestAsync("POST /events/batch", announcement, announcement[0] == 'T' ? "1\r\n[\r\n" : "[");

        await Eventually.TrueAsync(() => Budget(server).Held > 0, "the body is being read");
        Assert.InRange(Budget(server).Held, 1, 16 * 1024);
        client.Dispose();
        await Eventually.TrueAsync(() => Budget(server).Held == 0, "the memory is given back");
    }

    [Fact]
    public async Task A_body_that_drips_is_408_when_its_time_is_over()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:BodyTimeoutSeconds"] = "0.5" });
        using var client = await RawClient.ConnectAsync(server.Client.BaseAddress!);
        await client.RequestAsync("POST /events", "Content-Length: 100000", """{"type":"a.b","payload":{"a":" """);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var drip = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await client.SendAsync("x");
                await Task.Delay(20, stop.Token);
            }
        }, stop.Token);

        var answer = await client.AnswerAsync();

        await stop.CancelAsync();
        await drip.ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(408, answer.Status);
        Assert.Contains("application/problem+json", answer.Head, StringComparison.Ordinal);
        Assert.Contains("Connection: close", answer.Head, StringComparison.Ordinal);
        Assert.Contains("within 0.5 seconds", answer.Body, StringComparison.Ordinal);
        Assert.Equal(0, Budget(server).Held);
        Assert.Empty((await server.GetAsync("/events")).Data());
    }

    [Fact]
    public async Task Beyond_what_a_node_may_hold_requests_are_503_until_there_is_room()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:MaxBodyMegabytes"] = "3" });
        const string small = """{"type":"a.b","payload":{}}""";
        var large = $"[{new string(' ', 600_000)}{small}]";
        using (var one = await RawClient.ConnectAsync(server.Client.BaseAddress!))
        using (var two = await RawClient.ConnectAsync(server.Client.BaseAddress!))
        {
            foreach (var (slow, held) in new[] { (one, MiB), (two, 2 * MiB) })
            {
                await slow.RequestAsync("POST /events/batch", "Content-Length: 900000", large[..^1]);
                await Eventually.TrueAsync(() => Budget(server).Held == held, "what the slow client has sent is held");
            }

            using var answer = await server.Client.RequestAsync("POST /events/batch", large);
            Assert.Contains("MaxBodyMegabytes", (await answer.RefusalAsync(503)).Text("detail"), StringComparison.Ordinal);
            Assert.NotNull(answer.Headers.RetryAfter);
            Assert.Equal(2 * MiB, Budget(server).Held);
            // There still is room for what is small.
            await server.Client.CallAsync(202, "POST /events", small);
        }

        await Eventually.TrueAsync(() => Budget(server).Held == 0, "the slow clients' bytes are given back");
        await server.Client.CallAsync(202, "POST /events/batch", large);
        Assert.Equal(2, (await server.GetAsync("/events")).Data().Count);
        Assert.Equal(0, Budget(server).Held);
    }

    [Theory]
    [InlineData("POST /projects", """{"name":%}""")]
    [InlineData("POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/","metadata":%}""")]
    [InlineData("POST /events", "%")]
    [InlineData("POST /events/batch", "%")]
    [InlineData("POST /jobs", "%")]
    [InlineData("POST /jobs/batch", "%")]
    [InlineData("PATCH /jobs/x", """{"status":"processing","result":%}""")]
    [InlineData("POST /event-types", """{"name":"deep","example":%}""")]
    public async Task A_body_nested_ten_thousand_deep_is_refused_and_the_rule_named(string call, string body)
    {
        foreach (var (open, close) in new[] { ("""{"a":""", "}"), ("[", "]") })
        {
            var deep = string.Concat(Enumerable.Repeat(open, 10_000)) + "1" + string.Concat(Enumerable.Repeat(close, 10_000));
            using var answer = await api.Operator.RequestAsync(call, body.Replace("%", deep, StringComparison.Ordinal));
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True((int)answer.StatusCode is 400 or 422 || text.Contains("\"error\"", StringComparison.Ordinal), $"{(int)answer.StatusCode} {text}");
            // Where an event is expected, its first member already is none.
            if (body != "%") Assert.Contains("nested deeper than 64 levels", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_payload_may_be_64_levels_deep_and_no_deeper_and_sinks_no_batch()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        var (fits, tooDeep) = (Nested(64), Nested(65));

        var id = await customer.PublishAsync(payload: fits);
        await customer.Admin.RefusalAsync(422, "POST /events", $$"""{"type":"a.b","payload":{{tooDeep}}}""", "payload");
        var item = """{"type":"a.b","payload":%}""";
        foreach (var batch in new[]
        {
            $"[{item.Replace("%", tooDeep, StringComparison.Ordinal)},{item.Replace("%", fits, StringComparison.Ordinal)}]",
            $"{item.Replace("%", tooDeep, StringComparison.Ordinal)}\n{item.Replace("%", fits, StringComparison.Ordinal)}",
        })
        {
            var answer = await customer.Admin.CallAsync(202, "POST /events/batch", batch, batch[0] == '[' ? "application/json" : "application/x-ndjson");
            Http.AssertProblem(answer.Data()[0].GetProperty("error"), 422, "payload");
            Assert.StartsWith("evt_", answer.Data()[1].Text("id"), StringComparison.Ordinal);
        }

        var jobs = await customer.Admin.CallAsync(202, "POST /jobs/batch", $$"""[{"kind":"parse","result":{{tooDeep}}},{"kind":"parse"}]""");
        Assert.Contains("64 levels", jobs.Data()[0].GetProperty("error").Text("detail"), StringComparison.Ordinal);
        Assert.Equal("pending", jobs.Data()[1].Text("status"));

        var posts = await receiver.WaitForAsync(4);
        Assert.Equal(3, posts.Count(p => p.Text == fits));
        Assert.Equal(fits, (await ReadDeepAsync(customer.Admin, $"GET /events/{id}")).GetProperty("payload").GetRawText());
    }

    [Fact]
    public async Task What_was_taken_at_the_greatest_depth_can_be_read_and_listed()
    {
        var customer = await api.CustomerAsync();
        var deep = Nested(63);

        await ReadDeepAsync(api.Operator, "POST /event-types", $$"""{"name":"deep.type","example":{{deep}}}""");
        await ReadDeepAsync(
            customer.Admin, "POST /integrations", $$"""{"type":"webhook","events":["*"],"target":"https://example.com/","enabled":false,"metadata":{{deep}}}""");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"deep"}""");
        await ReadDeepAsync(customer.Admin, "PATCH /jobs/deep", $$"""{"status":"successful","result":{{deep}}}""");

        foreach (var call in new[] { "GET /event-types?limit=250", "GET /event-types/deep.type", "GET /integrations", "GET /jobs/deep", "GET /events" })
            await ReadDeepAsync(customer.Admin, call);
        await api.Operator.CallAsync(204, "DELETE /event-types/deep.type");
    }

    [Theory]
    [InlineData("GET /projects", 101, 1, 431)]
    [InlineData("GET /projects", 1, 33 * 1024, 431)]
    [InlineData("GET /projects", 90, 300, 200)]
    public async Task Headers_have_a_limit_in_number_and_in_bytes(string call, int headers, int bytes, int status)
    {
        using var client = await RawClient.ConnectAsync(Address);

        await client.RequestAsync(call, string.Join("\r\n", Enumerable.Range(0, headers).Select(i => $"x-{i}: {new string('v', bytes)}")));

        Assert.Equal(status, (await client.AnswerAsync()).Status);
    }

    [Theory]
    [InlineData(9 * 1024, 414)]
    [InlineData(7 * 1024, 404)]
    public async Task A_request_line_has_a_limit(int bytes, int status)
    {
        using var client = await RawClient.ConnectAsync(Address);

        await client.RequestAsync($"GET /{new string('a', bytes)}", "Accept: */*");

        Assert.Equal(status, (await client.AnswerAsync()).Status);
    }

    private static BodyBudget Budget(TestServer server) => server.Services.GetRequiredService<BodyBudget>();

    private static string Nested(int levels) =>
        string.Concat(Enumerable.Repeat("""{"a":""", levels - 1)) + "{}" + new string('}', levels - 1);

    private static async Task<JsonElement> ReadDeepAsync(HttpClient client, string call, string? body = null)
    {
        using var answer = await client.RequestAsync(call, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{call}: {(int)answer.StatusCode} {text}");
        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 200 });
        return document.RootElement.Clone();
    }
}
