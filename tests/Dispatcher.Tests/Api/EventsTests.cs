// Section 4 of the contract: publishing, batches, dedupe, fan-out, reading.

using System.Globalization;
using System.Text.Json;
using Dispatcher.Events;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class EventsTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private const int MaxPayload = 256 * 1024;

    [Fact]
    public async Task An_event_is_answered_with_its_id_and_its_number_of_deliveries()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await customer.RegisterAsync(receiver.Url);

        using var answer = await customer.Admin.RequestAsync("POST /events", """{"type":"a.b","payload":{"n":1}}""");

        var json = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Accepted);
        Http.AssertJson($$"""{"id":"{{json.Text("id")}}","deliveries":2}""", json);
        Assert.Equal($"/events/{json.Text("id")}", answer.Headers.Location?.OriginalString);
        Assert.All(await receiver.WaitForAsync(2), p => Assert.Equal(json.Text("id"), p.Id));
    }

    [Fact]
    public async Task An_event_without_subscribers_is_stored_with_no_deliveries()
    {
        var customer = await api.CustomerAsync();

        var json = await customer.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""");

        Assert.Equal(0, json.GetProperty("deliveries").GetInt32());
        await customer.Admin.CallAsync(200, $"GET /events/{json.Text("id")}");
    }

    [Fact]
    public async Task The_same_id_again_is_200_with_the_first_event_and_sends_nothing()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);

        var first = await customer.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{"n":1},"id":"order-1"}""");
        var again = await customer.Admin.CallAsync(200, "POST /events", """{"type":"a.b","payload":{"n":1},"id":"order-1"}""");
        var other = await customer.Admin.CallAsync(200, "POST /events", """{"type":"c.d","payload":{"n":2},"id":"order-1"}""");

        Assert.Equal(first.ToString(), again.ToString());
        Assert.Equal(first.ToString(), other.ToString());
        await customer.PublishAsync(payload: """{"n":3}""");
        Assert.Equal(["""{"n":1}""", """{"n":3}"""], (await receiver.WaitForAsync(2)).Select(p => p.Text).Order(StringComparer.Ordinal));
        Assert.Equal(2, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task Concurrent_events_of_one_id_make_one_event()
    {
        var customer = await api.CustomerAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            using var answer = await customer.Admin.RequestAsync("POST /events", $$$"""{"type":"a.b","payload":{"n":{{{i}}}},"id":"once"}""");
            return ((int)answer.StatusCode, JsonElement.Parse(await answer.Content.ReadAsStringAsync()).Text("id"));
        }));

        Assert.Single(answers, a => a.Item1 == 202);
        Assert.Equal(19, answers.Count(a => a.Item1 == 200));
        Assert.Single(answers.Select(a => a.Item2).Distinct());
        Assert.Single((await customer.Admin.CallAsync(200, "GET /events")).Data());
    }

    [Theory]
    [InlineData("[", "]", ",", "application/json")]
    [InlineData("", "\n", "\n", "application/x-ndjson")]
    [InlineData("\r\n", "", "\r\n\r\n", "application/x-ndjson; charset=utf-8")]
    public async Task A_batch_is_answered_item_by_item_and_bad_items_do_not_sink_the_others(string begin, string end, string separator, string type)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        string[] items =
        [
            """{"type":"a.b","payload":{"n":0}}""",
            """{"payload":{}}""",
            """{"type":"a.b","payload":{"n":2}}""",
            """["not","an","event"]""",
            """{"type":"a.b","payload":[],"id":"a b","extra":1}""",
            $$"""{"type":"a.b","payload":{"a":"{{new string('x', MaxPayload)}}"} }""",
            """{"type":"a.b","payload":{"n":6}}""",
        ];

        var answer = await customer.Admin.CallAsync(202, "POST /events/batch", begin + string.Join(separator, items) + end, type);

        Assert.Equal(["data"], answer.Members());
        var data = answer.Data();
        Assert.Equal(items.Length, data.Count);
        foreach (var good in new[] { 0, 2, 6 })
        {
            Assert.Equal(["id", "deliveries"], data[good].Members());
            Assert.Equal(1, data[good].GetProperty("deliveries").GetInt32());
            var stored = await customer.Admin.CallAsync(200, $"GET /events/{data[good].Text("id")}");
            Assert.Equal(good, stored.GetProperty("payload").GetProperty("n").GetInt32());
        }

        foreach (var bad in new[] { 1, 3, 4, 5 }) Assert.Equal(["error"], data[bad].Members());
        Http.AssertProblem(data[1].GetProperty("error"), 422, "type");
        Http.AssertProblem(data[3].GetProperty("error"), 400);
        Http.AssertProblem(data[4].GetProperty("error"), 422, "payload", "id", "extra");
        Http.AssertProblem(data[5].GetProperty("error"), 413);
        Assert.Equal(3, (await receiver.WaitForAsync(3)).Count);
        Assert.Equal(3, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task A_line_that_is_not_json_is_an_error_in_its_place()
    {
        var customer = await api.CustomerAsync();

        var data = (await customer.Admin.CallAsync(
            202, "POST /events/batch", "{\"type\":\"a.b\",\"payload\":{}}\n{\"type\":\n\n{\"type\":\"a.b\",\"payload\":{}} trailing\n{\"type\":\"a.b\",\"payload\":{}}",
            "application/x-ndjson")).Data();

        Assert.Equal([true, false, false, true], data.Select(d => d.TryGetProperty("id", out _)));
        Http.AssertProblem(data[1].GetProperty("error"), 400);
        Http.AssertProblem(data[2].GetProperty("error"), 400);
    }

    [Fact]
    public async Task Of_the_same_ids_inside_one_batch_the_first_becomes_the_event()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        await customer.PublishAsync(payload: """{"n":-1}""", members: "\"id\":\"known\"");
        var items = Enumerable.Range(0, 120).Select(i => $$$"""{"type":"a.b","payload":{"n":{{{i}}}},"id":"i{{{i % 40}}}"}""").Append("""{"type":"a.b","payload":{},"id":"known"}""");

        var data = (await customer.Admin.CallAsync(202, "POST /events/batch", $"[{string.Join(",", items)}]")).Data();

        for (var i = 0; i < 40; i++)
        {
            Assert.Equal(data[i].ToString(), data[i + 40].ToString());
            Assert.Equal(data[i].ToString(), data[i + 80].ToString());
            Assert.Equal(1, data[i].GetProperty("deliveries").GetInt32());
        }

        Assert.Equal(1, data[^1].GetProperty("deliveries").GetInt32());
        var sent = (await receiver.WaitForAsync(41)).Select(p => JsonElement.Parse(p.Body).GetProperty("n").GetInt32());
        Assert.Equal(Enumerable.Range(-1, 41), sent.Order());
    }

    [Fact]
    public async Task A_batch_holds_1_to_1000_events()
    {
        var customer = await api.CustomerAsync();
        static string Batch(int count) => $"[{string.Join(",", Enumerable.Repeat("""{"type":"a.b","payload":{}}""", count))}]";

        await customer.Admin.RefusalAsync(422, "POST /events/batch", Batch(1001), "body");
        await customer.Admin.RefusalAsync(422, "POST /events/batch", "[]", "body");
        Assert.Empty((await customer.Admin.CallAsync(200, "GET /events")).Data());
        Assert.Equal(1000, (await customer.Admin.CallAsync(202, "POST /events/batch", Batch(1000))).Data().Select(d => d.Text("id")).Distinct().Count());
    }

    [Theory]
    [InlineData("""{"type":"a.b","payload":{}}""")]
    [InlineData("[{\"type\":\"a.b\",\"payload\":{}}")]
    [InlineData("[{\"type\":\"a.b\",\"payload\":{}}] x")]
    [InlineData("")]
    [InlineData("null")]
    public Task A_batch_that_is_no_array_is_400(string body) => api.Operator.RefusalAsync(400, "POST /events/batch", body);

    [Fact]
    public async Task A_payload_of_256_kib_is_delivered_and_one_byte_more_is_413()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);
        var largest = $$"""{"a":"{{new string('x', MaxPayload - 8)}}"}""";
        Assert.Equal(MaxPayload, largest.Length);

        await customer.PublishAsync(payload: largest);
        var problem = await customer.Admin.RefusalAsync(413, "POST /events", $$"""{"type":"a.b","payload":{{largest.Insert(1, " ")}}}""");

        Assert.Contains("262144", problem.Text("detail"), StringComparison.Ordinal);
        Assert.Equal(largest, (await receiver.WaitForAsync(1))[0].Text);
        Assert.Single((await customer.Admin.CallAsync(200, "GET /events")).Data());
    }

    [Fact]
    public async Task A_body_that_announces_no_length_is_bounded_too()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = new StreamContent(new MemoryStream(new byte[2 * 1024 * 1024])) };
        request.Headers.TransferEncodingChunked = true;
        using var answer = await api.Operator.SendAsync(request, TestContext.Current.CancellationToken);

        await answer.RefusalAsync(413);
    }

    [Fact]
    public async Task The_largest_payload_is_configurable()
    {
        await using var small = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Intake:MaxPayloadBytes"] = "1024" });
        var payload = $$"""{"a":"{{new string('x', 1024 - 8)}}"}""";

        await small.Client.CallAsync(202, "POST /events", $$"""{"type":"a.b","payload":{{payload}}}""");
        await small.Client.RefusalAsync(413, "POST /events", $$"""{"type":"a.b","payload":{{payload.Insert(1, " ")}}}""");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"type\":\"a.b\",\"payload\":{}")]
    [InlineData("{\"type\":\"a.b\",\"payload\":{}}}")]
    [InlineData("{\"type\":\"a.b\",\"payload\":{},}")]
    [InlineData("{'type':'a.b'}")]
    [InlineData("[]")]
    [InlineData("\"a.b\"")]
    [InlineData("null")]
    [InlineData("{\"type\":\"a.b\",\"payload\":{\"n\":01}}")]
    [InlineData("{\"type\":\"a.b\",\"payload\":{\"n\":NaN}}")]
    public Task What_is_no_json_object_is_400(string body) => api.Operator.RefusalAsync(400, "POST /events", body);

    [Theory]
    [InlineData("type", """{"payload":{}}""")]
    [InlineData("type", """{"type":null,"payload":{}}""")]
    [InlineData("type", """{"type":"","payload":{}}""")]
    [InlineData("type", """{"type":1,"payload":{}}""")]
    [InlineData("type", """{"type":{"a":1},"payload":{}}""")]
    [InlineData("type", """{"type":"*","payload":{}}""")]
    [InlineData("type", """{"type":"a.*","payload":{}}""")]
    [InlineData("type", """{"type":"a..b","payload":{}}""")]
    [InlineData("type", """{"type":".a","payload":{}}""")]
    [InlineData("type", """{"type":"a.","payload":{}}""")]
    [InlineData("type", """{"type":"a b","payload":{}}""")]
    [InlineData("type", """{"type":"ä","payload":{}}""")]
    [InlineData("type", """{"type":"\ud800","payload":{}}""")]
    [InlineData("type", """{"type":"a.b","type":"a.b","payload":{}}""")]
    [InlineData("payload", """{"type":"a.b"}""")]
    [InlineData("payload", """{"type":"a.b","payload":null}""")]
    [InlineData("payload", """{"type":"a.b","payload":[]}""")]
    [InlineData("payload", """{"type":"a.b","payload":"{}"}""")]
    [InlineData("payload", """{"type":"a.b","payload":1}""")]
    [InlineData("payload", """{"type":"a.b","payload":{},"payload":{}}""")]
    [InlineData("id", """{"type":"a.b","payload":{},"id":""}""")]
    [InlineData("id", """{"type":"a.b","payload":{},"id":"a b"}""")]
    [InlineData("id", """{"type":"a.b","payload":{},"id":7}""")]
    [InlineData("id", """{"type":"a.b","payload":{},"id":"\udc00"}""")]
    [InlineData("project", """{"type":"a.b","payload":{},"project":"a/b"}""")]
    [InlineData("inbox", """{"type":"a.b","payload":{},"inbox":""}""")]
    [InlineData("inbox", """{"type":"a.b","payload":{},"inbox":false}""")]
    [InlineData("ordering_key", """{"type":"a.b","payload":{},"ordering_key":""}""")]
    [InlineData("ordering_key", """{"type":"a.b","payload":{},"ordering_key":"\u0000"}""")]
    [InlineData("ordering_key", """{"type":"a.b","payload":{},"ordering_key":["a"]}""")]
    [InlineData("Type", """{"Type":"a.b","type":"a.b","payload":{}}""")]
    [InlineData("data", """{"type":"a.b","payload":{},"data":{"a":[1,{"b":2}]}}""")]
    [InlineData("", """{"type":"a.b","payload":{},"":1}""")]
    public async Task A_wrong_member_is_refused_by_name(string member, string body)
    {
        await api.Operator.RefusalAsync(422, "POST /events", body, member);
        var item = (await api.Operator.CallAsync(202, "POST /events/batch", $"[{body}]")).Data()[0];
        Http.AssertProblem(item.GetProperty("error"), 422, member);
    }

    [Fact]
    public async Task Members_at_their_longest_are_taken_and_one_character_more_is_refused()
    {
        var customer = await api.CustomerAsync();
        static string Event(int extra) =>
            $$"""
            {"payload":{},"type":"{{new string('t', 128 + extra)}}","id":"{{new string('i', 128 + extra)}}","project":"{{new string('p', 128 + extra)}}",
             "inbox":"{{new string('b', 128 + extra)}}","ordering_key":"{{new string('k', 256 + extra)}}"}
            """;

        await customer.Admin.CallAsync(202, "POST /events", Event(0));
        await customer.Admin.RefusalAsync(422, "POST /events", Event(1), "type", "id", "project", "inbox", "ordering_key");
    }

    [Fact]
    public async Task Bytes_that_are_not_utf_8_are_refused_by_member()
    {
        byte[] inPayload = [.. """{"type":"a.b","payload":{"a":" """u8, 0xff, 0xfe, .. "\"}}"u8];
        byte[] inType = [.. "{\"type\":\""u8, 0xc3, 0x28, .. "\",\"payload\":{}}"u8];

        using var payload = await api.Operator.RequestAsync("POST /events", inPayload);
        await payload.RefusalAsync(422, "payload");
        using var type = await api.Operator.RequestAsync("POST /events", inType);
        await type.RefusalAsync(422, "type");
    }

    [Theory]
    [InlineData("""{"half":"\ud800"}""")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{ "n" : 1.0e2 , "big":1e999999, "nul":"\u0000", "escaped":"\u00e4ä\/" }""")]
    [InlineData("{\n\t\"a\": [ ]\r\n}")]
    public async Task A_payload_is_delivered_and_read_back_byte_for_byte(string payload)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url);

        var id = await customer.PublishAsync(payload: payload);

        Assert.Equal(payload, (await receiver.WaitForAsync(1))[0].Text);
        var read = await customer.Admin.GetStringAsync($"/events/{id}");
        Assert.Contains($"\"payload\":{payload}", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deeply_nested_payload_is_delivered_and_read_back()
    {
        var customer = await api.CustomerAsync();
        var payload = string.Concat(Enumerable.Repeat("{\"a\":", 62)) + "{}" + new string('}', 62);

        var id = await customer.PublishAsync(payload: payload);

        Assert.Contains(payload, await customer.Admin.GetStringAsync($"/events/{id}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_reads_back_by_its_own_id_and_by_the_callers()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        var id = await customer.PublishAsync(
            "invoice.made", """{"n":1}""", """ "id":"order-7","project":"p","inbox":"i","ordering_key":"k" """);
        var delivery = await customer.DeliveryAsync($"event={id}", "succeeded");

        var byOwn = await customer.Admin.CallAsync(200, $"GET /events/{id}");
        var byCallers = await customer.Admin.CallAsync(200, "GET /events/order-7");

        Assert.Equal(byOwn.ToString(), byCallers.ToString());
        Assert.Equal(["id", "type", "project", "inbox", "ordering_key", "dedupe_id", "created_at", "payload", "deliveries"], byOwn.Members());
        Assert.Equal(
            [id, "invoice.made", "p", "i", "k", "order-7"],
            new[] { "id", "type", "project", "inbox", "ordering_key", "dedupe_id" }.Select(m => byOwn.Text(m)));
        Assert.Equal("""{"n":1}""", byOwn.GetProperty("payload").GetRawText());
        var listed = Assert.Single(byOwn.GetProperty("deliveries").EnumerateArray());
        Assert.Equal((delivery.Text("id"), integration.Text("id"), "succeeded"), (listed.Text("id"), listed.Text("integration_id"), listed.Text("status")));
        await customer.Admin.RefusalAsync(404, "GET /events/order-8");
        await customer.Admin.RefusalAsync(404, "GET /events/evt_00000000000070008000000000000000");
        await customer.Admin.RefusalAsync(404, $"GET /events/{id.Replace("evt_", "dlv_", StringComparison.Ordinal)}");
    }

    [Fact]
    public async Task The_list_filters_by_type_project_inbox_and_time()
    {
        var customer = await api.CustomerAsync();
        var none = await customer.PublishAsync("a.b");
        await UntilNextMillisecondAsync();
        var since = Now();
        var projected = await customer.PublishAsync("a.b", members: "\"project\":\"p\"");
        var boxed = await customer.PublishAsync("a.c", members: "\"project\":\"p\",\"inbox\":\"i\"");
        await UntilNextMillisecondAsync();
        var until = Now();
        var late = await customer.PublishAsync("a.c", members: "\"project\":\"default\"");

        await AssertListAsync("", none, projected, boxed, late);
        await AssertListAsync("?type=a.b", none, projected);
        await AssertListAsync("?type=a", []);
        await AssertListAsync("?project=p", projected, boxed);
        await AssertListAsync("?project=default", none, late);
        await AssertListAsync("?inbox=i", boxed);
        await AssertListAsync($"?since={since}", projected, boxed, late);
        await AssertListAsync($"?until={until}", none, projected, boxed);
        await AssertListAsync($"?since={since}&until={until}", projected, boxed);
        await AssertListAsync($"?since={since}&until={until}&type=a.c&project=p&inbox=i", boxed);
        await AssertListAsync($"?since={since}&type=a.b&project=default", []);
        await AssertListAsync("?since=1969-07-20T20:17:40Z", none, projected, boxed, late);
        await AssertListAsync("?until=1969-07-20T20:17:40Z", []);
        await AssertListAsync("?since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", none, projected, boxed, late);

        async Task AssertListAsync(string filter, params string[] expected)
        {
            var ids = (await customer.Admin.CallAsync(200, $"GET /events{filter}")).Data().Select(e => e.Text("id"));
            Assert.Equal(expected.OrderDescending(StringComparer.Ordinal), ids);
        }
    }

    [Theory]
    [InlineData("type=a*", "type")]
    [InlineData("project=a%20b", "project")]
    [InlineData("inbox=a/b", "inbox")]
    [InlineData("since=yesterday", "since")]
    [InlineData("until=2023-10-01", "until")]
    [InlineData("until=2023-10-01T12:00:00", "until")]
    public Task A_wrong_filter_is_refused_by_name(string query, string member) => api.Operator.RefusalAsync(422, $"GET /events?{query}", null, member);

    [Fact]
    public async Task Events_go_to_integrations_of_the_organization_the_project_or_the_inbox_that_they_are_of()
    {
        var customer = await api.CustomerAsync();
        var scopes = new Dictionary<string, string>
        {
            ["organization"] = await ScopedAsync(""),
            ["default"] = await ScopedAsync("\"project\":\"default\""),
            ["p"] = await ScopedAsync("\"project\":\"p\""),
            ["q"] = await ScopedAsync("\"project\":\"q\""),
            ["i"] = await ScopedAsync("\"inbox\":\"i\""),
            ["p/i"] = await ScopedAsync("\"project\":\"p\",\"inbox\":\"i\""),
            ["p/j"] = await ScopedAsync("\"project\":\"p\",\"inbox\":\"j\""),
        };

        await AssertReachesAsync("", "organization", "default");
        await AssertReachesAsync("\"project\":\"default\"", "organization", "default");
        await AssertReachesAsync("\"project\":\"p\"", "organization", "p");
        await AssertReachesAsync("\"project\":\"r\"", "organization");
        await AssertReachesAsync("\"inbox\":\"i\"", "organization", "default", "i");
        await AssertReachesAsync("\"project\":\"p\",\"inbox\":\"i\"", "organization", "p", "i", "p/i");
        await AssertReachesAsync("\"project\":\"p\",\"inbox\":\"k\"", "organization", "p");

        async Task<string> ScopedAsync(string members) =>
            (await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}" + (members.Length > 0 ? "," + members : ""), "\"a.b\"")).Text("id");

        async Task AssertReachesAsync(string members, params string[] expected)
        {
            var id = await customer.PublishAsync(members: members);
            var reached = (await customer.Admin.CallAsync(200, $"GET /events/{id}")).GetProperty("deliveries").EnumerateArray()
                .Select(d => scopes.Single(s => s.Value == d.Text("integration_id")).Key);
            Assert.Equal(expected.Order(StringComparer.Ordinal), reached.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("a.b.c", "a.b.c", true)]
    [InlineData("*", "a.b.c", true)]
    [InlineData("a.*", "a.b.c", true)]
    [InlineData("a.b.*", "a.b.c", true)]
    [InlineData("a.b.c.*", "a.b.c", false)]
    [InlineData("a", "a.b.c", false)]
    [InlineData("a.b", "a.b.c", false)]
    [InlineData("b.*", "a.b.c", false)]
    [InlineData("a.b.*", "a.bc", false)]
    [InlineData("a.*", "ab.c", false)]
    [InlineData("a.*", "a", false)]
    [InlineData("A.*", "a.b", false)]
    [InlineData("a.b", "A.B", false)]
    [InlineData("*", "a", true)]
    [InlineData("a", "a", true)]
    [InlineData("document_predict", "document_predict", true)]
    [InlineData("document_predict", "documentXpredict", false)]
    [InlineData("a.*", "a.b_c-d", true)]
    [InlineData("a.b.c.d.*", "a.b.c.d.e.f", true)]
    public async Task A_pattern_takes_the_types_that_it_says_in_the_code_and_in_the_database_alike(string pattern, string type, bool taken)
    {
        Assert.Equal(taken, EventNames.Matches(pattern, type));
        await using var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT $1 = ANY (dispatcher.event_patterns($2))", connection);
        command.Parameters.AddWithValue(pattern);
        command.Parameters.AddWithValue(type);
        Assert.Equal(taken, await command.ExecuteScalarAsync());

        var customer = await api.CustomerAsync();
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}", $"\"no.other\",\"{pattern}\"");
        var answer = await customer.Admin.CallAsync(202, "POST /events", $$$"""{"type":"{{{type}}}","payload":{}}""");
        Assert.Equal(taken ? 1 : 0, answer.GetProperty("deliveries").GetInt32());
    }

    [Fact]
    public async Task An_event_goes_once_to_an_integration_that_matches_in_several_ways()
    {
        var customer = await api.CustomerAsync();
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"max_attempts\":1}", "\"*\",\"a.*\",\"a.b\",\"a.b\"");

        Assert.Equal(1, (await customer.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""")).GetProperty("deliveries").GetInt32());
    }

    private static string Now() => TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Ids hold their time to the millisecond.</summary>
    private static async Task UntilNextMillisecondAsync()
    {
        var now = Now();
        await Eventually.TrueAsync(() => Now() != now, "the clock goes on");
    }
}
