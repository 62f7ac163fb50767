// Section 1 of the contract: what holds for every path.

using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed partial class ConventionsTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Minimum = """{"type":"webhook","events":["a.b"],"target":"https://example.com/hook"}""";

    [Theory]
    [InlineData("/integrations")]
    [InlineData("/health/live")]
    [InlineData("/openapi/v1.json")]
    public async Task The_same_paths_answer_at_the_root_and_under_v1(string path)
    {
        var atRoot = await api.Operator.GetStringAsync(path);
        var underV1 = await api.Operator.GetStringAsync("/v1" + path);

        // The document says where it was read from; all else is the same.
        var root = api.Operator.BaseAddress!.ToString().TrimEnd('/');
        Assert.Equal(atRoot, underV1.Replace(root + "/v1", root, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_created_under_v1_is_there_at_the_root()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.Admin.CallAsync(201, "POST /v1/integrations", Minimum);

        var read = await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}");

        Assert.Equal(made.Text("id"), read.Text("id"));
        await customer.Admin.RefusalAsync(404, $"GET /v2/integrations/{made.Text("id")}");
    }

    [Fact]
    public async Task Members_are_snake_case_and_times_are_rfc_3339_utc_with_a_z()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await customer.RegisterAsync(receiver.Url);
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        var delivery = await customer.DeliveryAsync("type=job.created", "succeeded");

        JsonElement[] answers =
        [
            integration,
            delivery,
            await customer.Admin.CallAsync(200, "GET /jobs/j"),
            await customer.Admin.CallAsync(200, $"GET /events/{delivery.Text("event_id")}"),
            await customer.Admin.CallAsync(200, "GET /event-types/job.created"),
            await customer.Admin.CallAsync(200, "GET /api-keys"),
        ];
        var times = 0;
        foreach (var (name, value) in answers.SelectMany(Walk))
        {
            Assert.Matches(SnakeCase(), name);
            if (!name.EndsWith("_at", StringComparison.Ordinal) || value.ValueKind == JsonValueKind.Null) continue;
            Assert.Matches(UtcTime(), value.GetString());
            times++;
        }

        Assert.True(times >= 10, $"only {times} times were looked at");
    }

    [Fact]
    public async Task Times_with_any_offset_are_taken_and_read_back_in_utc()
    {
        var key = await api.Operator.CallAsync(201, "POST /api-keys", """{"role":"member","expires_at":"2099-12-31T23:00:00.5-01:00"}""");

        Assert.Equal("2100-01-01T00:00:00.500Z", key.Text("expires_at"));
    }

    [Theory]
    [InlineData("\"2099-01-01\"")]
    [InlineData("\"2099-01-01T00:00:00\"")]
    [InlineData("\"tomorrow\"")]
    [InlineData("4070908800")]
    public Task A_time_that_is_not_rfc_3339_with_its_offset_is_refused_by_name(string time) =>
        api.Operator.RefusalAsync(422, "POST /api-keys", $$"""{"role":"member","expires_at":{{time}}}""", "expires_at");

    [Fact]
    public async Task Ids_have_the_prefix_of_their_kind_and_sort_by_time()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = new Dictionary<string, List<string>> { ["int"] = [], ["evt"] = [], ["dlv"] = [], ["job"] = [], ["key"] = [], ["org"] = [], ["prj"] = [] };
        for (var i = 0; i < 3; i++)
        {
            made["int"].Add((await customer.RegisterAsync(receiver.Url, events: $"\"only.{i}\"")).Text("id"));
            made["evt"].Add(await customer.PublishAsync($"only.{i}"));
            made["dlv"].Add((await customer.DeliveryAsync($"event={made["evt"][i]}", "succeeded")).Text("id"));
            made["job"].Add((await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse"}""")).Text("id"));
            made["key"].Add((await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""")).Text("id"));
            made["org"].Add((await api.Operator.CallAsync(201, "POST /organizations", "{}")).Text("id"));
            made["prj"].Add((await customer.Admin.CallAsync(201, "POST /projects", "{}")).Text("id"));
        }

        foreach (var (prefix, ids) in made)
        {
            Assert.All(ids, id => Assert.Matches($"^{prefix}_[0-9a-f]{{12}}7[0-9a-f]{{19}}$", id));
            Assert.Equal(ids, ids.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData("Authorization", "Bearer {0}")]
    [InlineData("Authorization", "bearer {0}")]
    [InlineData("x-api-key", "{0}")]
    public async Task A_key_is_taken_in_either_header(string header, string value)
    {
        using var client = api.Server.ClientWith(null);
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, value.Replace("{0}", TestServer.OperatorKey, StringComparison.Ordinal));

        await client.CallAsync(200, "GET /integrations");
    }

    [Fact]
    public async Task Unknown_paths_are_404_with_and_without_a_key()
    {
        using var nobody = api.Server.ClientWith(null);

        await api.Operator.RefusalAsync(404, "GET /nothing/here");
        await nobody.RefusalAsync(404, "POST /nothing/here", "{}");
        await api.Operator.RefusalAsync(404, "GET /v1/nothing");
        await api.Operator.RefusalAsync(404, "GET /%ff");
    }

    [Theory]
    [InlineData("DELETE /integrations", "operator")]
    [InlineData("DELETE /events", "operator")]
    [InlineData("PUT /jobs/x", "operator")]
    [InlineData("GET /integrations/x/test", "operator")]
    [InlineData("POST /deliveries/x", "operator")]
    [InlineData("DELETE /integrations", "member")]
    [InlineData("POST /health/live", "operator")]
    public async Task A_method_that_a_path_does_not_take_is_405_and_the_answer_says_which_it_takes(string call, string role)
    {
        using var client = await api.Server.ClientOfAsync(role);
        using var answer = await client.RequestAsync(call);

        await answer.RefusalAsync(405);
        Assert.NotEmpty(answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task A_refused_method_is_refused_the_same_way_again_under_its_idempotency_key()
    {
        for (var i = 0; i < 2; i++)
        {
            using var answer = await api.Operator.RequestAsync("POST /deliveries/x", "{}", idempotencyKey: "refused-method");
            await answer.RefusalAsync(405);
        }
    }

    [Fact]
    public async Task Nothing_that_a_request_can_hold_ends_in_a_server_error()
    {
        const string nul = "\\u0000";
        (string Call, string? Body)[] requests =
        [
            ("GET /integrations?cursor=%00", null), ("GET /integrations?cursor=AAAA", null), ("GET /event-types?cursor=AAAA", null),
            ("GET /organizations?cursor=%ff%fe", null), ("GET /deliveries?integration=%00", null), ("GET /deliveries/%ff", null), ("GET /jobs/%ff", null),
            ("GET /events/%ff", null), ("GET /event-types/%e2%82", null), ("DELETE /organizations/%ff", null), ("GET /integrations?organization=%00", null),
            ("GET /integrations?organization=%ff", null), ("GET /integrations?limit=99999999999999999999", null), ("GET /events?since=0001-01-01T00:00:00Z", null),
            ("GET /events?until=9999-12-31T23:59:59.999Z", null),
            ("POST /integrations", Minimum.Replace("a.b", "a" + nul, StringComparison.Ordinal)),
            ("POST /integrations", With("name", $"\"{nul}\"")),
            ("POST /integrations", With("name", """ "\ud800" """)),
            ("POST /integrations", With("metadata", $$"""{"a":"{{nul}}"}""")),
            ("POST /integrations", With("metadata", """{"a":"\udc00"}""")),
            ("POST /integrations", With("metadata", """{"\ud800":1}""")),
            ("POST /integrations", With("metadata", """{"a":1e999999}""")),
            ("POST /integrations", With("\\ud800", "1")),
            ("POST /event-types", """{"name":"x.y","example":{"a":"\ud800"}}"""),
            ("POST /event-types", """{"name":"x.z","example":{"a":1e999999}}"""),
            ("POST /jobs", """{"kind":"parse","id":"\ud800"}"""), ("POST /jobs", """{"kind":"\u0000"}"""),
            ("POST /jobs/batch", """[{"kind":"parse","id":"\ud800"},{"kind":"\u0000"}]"""),
            ("PATCH /jobs/nothing", """{"status":"failure","error":"\ud800"}"""),
            ("POST /api-keys", """{"role":"\ud800"}"""), ("POST /projects", """{"name":"\ud800"}"""),
            ("POST /events", """{"type":"a.b","payload":{},"ordering_key":"\u0000"}"""),
            ("POST /events", """{"type":"\u0000","payload":{}}"""),
        ];
        foreach (var (call, body) in requests)
        {
            using var answer = await api.Operator.RequestAsync(call, body);
            var text = await answer.Content.ReadAsStringAsync();
            Assert.True((int)answer.StatusCode < 500, $"{call} {body}: {(int)answer.StatusCode} {text}");
            if (!answer.IsSuccessStatusCode) await answer.RefusalAsync((int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task A_body_without_a_content_type_is_read_as_json()
    {
        var customer = await api.CustomerAsync();
        using var answer = await customer.Admin.RequestAsync("POST /integrations", Minimum, "application/x-www-form-urlencoded");

        await TestServer.ReadAsync(answer, HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("251")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("ten")]
    [InlineData("")]
    public async Task A_limit_outside_1_to_250_is_refused_on_every_list(string limit)
    {
        foreach (var list in Lists)
            await api.Operator.RefusalAsync(422, $"GET {list}?limit={limit}", null, "limit");
    }

    [Fact]
    public async Task A_cursor_that_no_page_gave_is_refused_on_every_list()
    {
        foreach (var list in Lists)
        {
            await api.Operator.RefusalAsync(422, $"GET {list}?cursor=*", null, "cursor");
            await api.Operator.RefusalAsync(422, $"GET {list}?cursor=", null, "cursor");
        }
    }

    [Fact]
    public async Task A_list_gives_50_by_default_and_250_at_most_newest_first()
    {
        var customer = await api.CustomerAsync();
        for (var i = 0; i < 2; i++)
        {
            var batch = string.Join(",", Enumerable.Range(0, 150).Select(n => """{"type":"a.b","payload":{}}"""));
            await customer.Admin.CallAsync(202, "POST /events/batch", $"[{batch}]");
        }

        var page = await customer.Admin.CallAsync(200, "GET /events");
        Assert.Equal(["data", "next_cursor"], page.Members());
        Assert.Equal(50, page.Data().Count);
        var largest = await customer.Admin.CallAsync(200, "GET /events?limit=250");
        Assert.Equal(250, largest.Data().Count);
        var last = await customer.Admin.CallAsync(200, $"GET /events?limit=250&cursor={largest.Text("next_cursor")}");
        Assert.Equal(50, last.Data().Count);
        Assert.Equal(JsonValueKind.Null, last.GetProperty("next_cursor").ValueKind);
        var ids = largest.Data().Concat(last.Data()).Select(e => e.Text("id")).ToList();
        Assert.Equal(ids.OrderDescending(StringComparer.Ordinal), ids);
        Assert.Equal(300, ids.Distinct().Count());
    }

    [Theory]
    [InlineData("/integrations")]
    [InlineData("/events")]
    [InlineData("/deliveries")]
    [InlineData("/api-keys")]
    [InlineData("/projects")]
    [InlineData("/organizations")]
    public async Task Paging_neither_skips_nor_repeats_while_rows_arrive_and_go(string list)
    {
        var customer = await api.CustomerAsync();
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), """ "retry":{"max_attempts":1}""");
        var before = new List<string>();
        for (var i = 0; i < 6; i++) before.Insert(0, await AddAsync());

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await api.Operator.CallAsync(200, $"GET {list}?organization={customer.Id}&limit=2{(cursor is null ? "" : "&cursor=" + cursor)}");
            seen.AddRange(page.Data().Select(r => r.Text("id")));
            cursor = page.GetProperty("next_cursor").GetString();
            await AddAsync();
            // The row that the cursor stands on goes away.
            if (list is "/integrations" or "/api-keys" or "/projects" or "/organizations" && before.Contains(seen[^1]))
                await api.Operator.CallAsync(204, $"DELETE {list}/{seen[^1]}?organization={customer.Id}");
        }
        while (cursor is not null);

        Assert.Equal(before, seen.Where(before.Contains));

        async Task<string> AddAsync()
        {
            switch (list)
            {
                case "/integrations": return (await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id");
                case "/events": return await customer.PublishAsync();
                case "/deliveries":
                    return (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted")).Text("id");
                case "/api-keys": return (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"member"}""")).Text("id");
                case "/projects": return (await customer.Admin.CallAsync(201, "POST /projects", "{}")).Text("id");
                default: return (await api.Operator.CallAsync(201, "POST /organizations", "{}")).Text("id");
            }
        }
    }

    [Fact]
    public async Task The_same_idempotency_key_and_body_give_the_first_answer_again_and_have_one_effect()
    {
        var customer = await api.CustomerAsync();
        foreach (var (call, body, list) in new[]
        {
            ("POST /integrations", Minimum, "/integrations"),
            ("POST /events", """{"type":"a.b","payload":{}}""", "/events"),
            ("POST /projects", """{"name":"P"}""", "/projects"),
            ("POST /api-keys", """{"role":"emitter"}""", "/api-keys"),
        })
        {
            var before = (await customer.Admin.CallAsync(200, $"GET {list}")).Data().Count;
            using var first = await customer.Admin.RequestAsync(call, body, idempotencyKey: call);
            using var second = await customer.Admin.RequestAsync(call, body, idempotencyKey: call);

            Assert.Equal(first.StatusCode, second.StatusCode);
            Assert.Equal(first.Headers.Location, second.Headers.Location);
            Assert.Equal(first.Content.Headers.ContentType, second.Content.Headers.ContentType);
            // Secrets that are shown once included.
            Assert.Equal(await first.Content.ReadAsStringAsync(), await second.Content.ReadAsStringAsync());
            Assert.Equal(before + 1, (await customer.Admin.CallAsync(200, $"GET {list}")).Data().Count);
        }
    }

    [Fact]
    public async Task An_answer_with_a_secret_is_given_again_but_lies_nowhere_in_the_database_in_the_clear()
    {
        var customer = await api.CustomerAsync();
        using var answer = await customer.Admin.RequestAsync("POST /api-keys", """{"role":"admin"}""", idempotencyKey: "secret");
        var key = (await TestServer.ReadAsync(answer, HttpStatusCode.Created)).Text("key");

        await using var connection = new Npgsql.NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand(
            """
            SELECT count(*), count(*) FILTER (WHERE position($1::bytea IN body) > 0), (SELECT count(*) FROM dispatcher.api_key k WHERE k::text LIKE '%' || $2 || '%')
            FROM dispatcher.idempotency
            """, connection);
        command.Parameters.AddWithValue(System.Text.Encoding.UTF8.GetBytes(key));
        command.Parameters.AddWithValue(key);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        Assert.True(reader.GetInt64(0) > 0);
        Assert.Equal(0, reader.GetInt64(1));
        Assert.Equal(0, reader.GetInt64(2));
    }

    [Fact]
    public async Task The_same_idempotency_key_with_another_request_is_409()
    {
        var customer = await api.CustomerAsync();
        using var first = await customer.Admin.RequestAsync("POST /events", """{"type":"a.b","payload":{}}""", idempotencyKey: "k");
        using var otherBody = await customer.Admin.RequestAsync("POST /events", """{"type":"a.b","payload":{"n":1}}""", idempotencyKey: "k");
        using var otherPath = await customer.Admin.RequestAsync("POST /projects", """{"type":"a.b","payload":{}}""", idempotencyKey: "k");

        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        await otherBody.RefusalAsync(409);
        await otherPath.RefusalAsync(409);
        Assert.Single((await customer.Admin.CallAsync(200, "GET /events")).Data());
    }

    [Fact]
    public async Task Refusals_are_kept_under_an_idempotency_key_as_well()
    {
        var customer = await api.CustomerAsync();
        using var refused = await customer.Admin.RequestAsync("PATCH /jobs/j", """{"status":"processing"}""");
        await refused.RefusalAsync(404);
        for (var i = 0; i < 2; i++)
        {
            using var answer = await customer.Admin.RequestAsync("POST /jobs", """{"kind":"nothing"}""", idempotencyKey: "k");
            await answer.RefusalAsync(422, "kind");
        }
    }

    [Fact]
    public async Task Idempotency_keys_of_different_callers_and_organizations_do_not_meet()
    {
        var (one, other) = (await api.CustomerAsync(), await api.CustomerAsync());
        const string body = """{"type":"a.b","payload":{}}""";
        var ids = new HashSet<string>();
        foreach (var (client, query) in new[]
        {
            (one.Admin, ""), (other.Admin, ""), (await one.ClientAsync("emitter"), ""),
            (api.Operator, $"?organization={one.Id}"), (api.Operator, $"?organization={other.Id}"),
        })
        {
            using var answer = await client.RequestAsync($"POST /events{query}", body, idempotencyKey: "k");
            Assert.True(ids.Add((await TestServer.ReadAsync(answer, HttpStatusCode.Accepted)).Text("id")));
        }
    }

    [Fact]
    public async Task Concurrent_duplicates_have_one_effect_and_the_same_answer()
    {
        var customer = await api.CustomerAsync();
        var texts = await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ =>
        {
            using var answer = await customer.Admin.RequestAsync("POST /integrations", Minimum, idempotencyKey: "at-once");
            Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
            return await answer.Content.ReadAsStringAsync();
        }));

        Assert.Single(texts.Distinct());
        Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
    }

    [Fact]
    public async Task An_idempotency_key_must_have_1_to_255_characters()
    {
        using var tooLong = await api.Operator.RequestAsync("POST /events", """{"type":"a.b","payload":{}}""", idempotencyKey: new string('k', 256));
        await tooLong.RefusalAsync(422, "Idempotency-Key");
        using var longest = await api.Operator.RequestAsync("POST /events", """{"type":"a.b","payload":{}}""", idempotencyKey: new string('k', 255));
        await TestServer.ReadAsync(longest, HttpStatusCode.Accepted);
    }

    /// <summary>The minimum with one member more.</summary>
    private static string With(string member, string value) => $"{Minimum[..^1]},\"{member}\":{value}}}";

    private static readonly string[] Lists = ["/integrations", "/events", "/deliveries", "/event-types", "/api-keys", "/projects", "/organizations"];

    /// <summary>Every member at every depth, but not inside what is the caller's own.</summary>
    private static IEnumerable<(string Name, JsonElement Value)> Walk(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Walk),
        JsonValueKind.Object => json.EnumerateObject().SelectMany(m =>
            m.Name is "request_headers" or "response_headers" ? [(m.Name, m.Value)] : Walk(m.Value).Prepend((m.Name, m.Value))),
        _ => [],
    };

    [GeneratedRegex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    private static partial Regex SnakeCase();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
    private static partial Regex UtcTime();
}
