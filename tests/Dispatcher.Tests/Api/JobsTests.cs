// Section 5 of the contract: jobs, their moves, and the events that each move emits.

using System.Text.Json;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class JobsTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private const string Usage =
        """
        {"pages_parsed":10,"extraction_input_tokens_used":0,"extraction_output_tokens_used":0,"ocr_input_tokens_used":0,"ocr_output_tokens_used":0,
         "signature_detected_pages":0,"strikethrough_detected_pages":0,"summarization_input_tokens_used":0,"summarization_output_tokens_used":0}
        """;

    private const string FnStatus = """{"fn_A":"success","fn_B":"failure"}""";

    private static readonly string[] Kinds =
        ["parse", "extract", "predict", "evaluate", "document_predict", "document_evaluate", "document_ingestion", "workflow"];

    private static readonly string[] Ends = ["successful", "failure", "cancelled"];

    /// <summary>Every kind on every way from its creation to an end.</summary>
    public static TheoryData<string, string> Ways
    {
        get
        {
            var ways = new TheoryData<string, string>();
            foreach (var kind in Kinds)
                foreach (var end in Ends)
                {
                    ways.Add(kind, end);
                    ways.Add(kind, $"processing {end}");
                }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Each_move_of_each_kind_emits_exactly_its_events_in_order(string kind, string way)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "\"ordering\":\"by_key\"");
        var states = way.Split(' ').Prepend("pending").ToArray();

        var job = await customer.Admin.CallAsync(
            201, "POST /jobs", $$"""{"kind":"{{kind}}","id":"j"{{(kind == "workflow" ? ",\"workflow_name\":\"workflow_XXXX\"" : "")}}}""");
        foreach (var state in states[1..]) job = await customer.Admin.CallAsync(200, "PATCH /jobs/j", Move(state, kind));

        var expected = states.SelectMany(state => TypesOf(kind, state).Select(type => (Type: type, Payload: PayloadOf(type, state, job)))).ToList();
        var posts = await receiver.WaitForAsync(expected.Count);
        Assert.Equal(expected.Select(e => e.Type), posts.Select(p => p.Headers["dispatcher-event"]));
        foreach (var (wanted, post) in expected.Zip(posts)) Http.AssertJson(wanted.Payload, JsonElement.Parse(post.Body));
        var stored = (await customer.Admin.CallAsync(200, "GET /events")).Data();
        Assert.Equal(expected.Count, stored.Count);
        Assert.All(stored, e => Assert.Equal("j", e.Text("ordering_key")));
    }

    [Theory]
    [InlineData("document_predict", "successful", "document_predict")]
    [InlineData("workflow", "failure", "workflow.completed")]
    public async Task Project_and_inbox_are_in_the_payloads_of_a_job_that_has_them(string kind, string end, string type)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "\"project\":\"p\",\"inbox\":\"i\"");
        await customer.RegisterAsync(receiver.Url, "\"project\":\"other\"");

        await customer.Admin.CallAsync(201, "POST /jobs", $$"""{"kind":"{{kind}}","id":"j","project":"p","inbox":"i","workflow_name":"w"}""");
        await customer.Admin.CallAsync(200, "PATCH /jobs/j", Move(end, kind));

        var posts = await receiver.WaitForAsync(3);
        Assert.Contains(posts, p => p.Headers["dispatcher-event"] == type);
        Assert.All(posts, p =>
        {
            var payload = JsonElement.Parse(p.Body);
            Assert.Equal(("p", "i"), (payload.Text("project"), payload.Text("inbox")));
        });
    }

    [Fact]
    public async Task A_completed_job_carries_its_result_as_given()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, events: "\"job.completed\"");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");

        await customer.Admin.CallAsync(200, "PATCH /jobs/j", """{"status":"successful","result":["ä",1.50,null],"usage":{"pages_parsed":1}}""");

        var payload = JsonElement.Parse((await receiver.WaitForAsync(1))[0].Body);
        Assert.Equal("""["ä",1.50,null]""", payload.GetProperty("result").GetRawText());
        Assert.Equal("""{"pages_parsed":1}""", payload.GetProperty("usage").GetRawText());
        Assert.Equal("""["ä",1.50,null]""", (await customer.Admin.CallAsync(200, "GET /jobs/j")).GetProperty("result").GetRawText());
    }

    [Fact]
    public async Task A_job_reads_back_on_both_paths()
    {
        var customer = await api.CustomerAsync();
        using var answer = await customer.Admin.RequestAsync("POST /jobs", """{"kind":"workflow","id":"invocation_1","workflow_name":"w","project":"p","inbox":"i"}""");
        var made = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Created);
        Assert.Equal("/jobs/invocation_1", answer.Headers.Location?.OriginalString);
        await customer.Admin.CallAsync(200, "PATCH /jobs/invocation_1", $$"""{"status":"failure","error":"Out of paper.","fn_status":{{FnStatus}},"usage":{"pages_parsed":3} }""");

        var read = await customer.Admin.CallAsync(200, "GET /jobs/invocation_1");
        var polled = await customer.Admin.CallAsync(200, "GET /job/invocation_1");

        Assert.Equal(read.ToString(), polled.ToString());
        Http.AssertJson(
            $$"""
            {"id":"invocation_1","job_id":"invocation_1","kind":"workflow","status":"failure","project":"p","inbox":"i","workflow_name":"w",
             "usage":{"pages_parsed":3},"error":"Out of paper.","fn_status":{{FnStatus}},"result":null,
             "created_at":"{{made.Text("created_at")}}","updated_at":"{{read.Text("finished_at")}}","finished_at":"{{read.Text("finished_at")}}"}
            """, read);
        Assert.Equal(JsonValueKind.Null, made.GetProperty("finished_at").ValueKind);
        await customer.Admin.RefusalAsync(404, "GET /jobs/other");
        await customer.Admin.RefusalAsync(404, "GET /job/other");
    }

    [Fact]
    public async Task A_job_without_an_id_gets_one_and_a_known_id_is_409()
    {
        var customer = await api.CustomerAsync();

        Assert.Matches("^job_[0-9a-f]{32}$", (await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse"}""")).Text("id"));
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        await customer.Admin.RefusalAsync(409, "POST /jobs", """{"kind":"extract","id":"j"}""");
        Assert.Equal("parse", (await customer.Admin.CallAsync(200, "GET /jobs/j")).Text("kind"));
        Assert.Equal(2, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    public static TheoryData<string, string> ForbiddenMoves
    {
        get
        {
            var moves = new TheoryData<string, string> { { "processing", "pending" } };
            foreach (var from in Ends)
                foreach (var to in Ends.Concat(["pending", "processing"]).Where(to => to != from)) moves.Add(from, to);
            return moves;
        }
    }

    [Theory]
    [MemberData(nameof(ForbiddenMoves))]
    public async Task A_move_that_is_not_allowed_is_409_and_changes_nothing(string from, string to)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        var before = await customer.Admin.CallAsync(200, "PATCH /jobs/j", $$"""{"status":"{{from}}"}""");

        await customer.Admin.RefusalAsync(409, "PATCH /jobs/j", $$"""{"status":"{{to}}","error":"changed","usage":{} }""");

        Assert.Equal(before.ToString(), (await customer.Admin.CallAsync(200, "GET /jobs/j")).ToString());
        Assert.Equal(2, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Theory]
    [InlineData("pending")]
    [InlineData("processing")]
    [InlineData("successful")]
    [InlineData("failure")]
    [InlineData("cancelled")]
    public async Task The_same_state_again_is_200_and_emits_nothing(string state)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"document_predict","id":"j"}""");
        var first = await customer.Admin.CallAsync(200, "PATCH /jobs/j", $$"""{"status":"{{state}}"}""");
        var events = (await customer.Admin.CallAsync(200, "GET /events")).Data().Count;

        var again = await customer.Admin.CallAsync(200, "PATCH /jobs/j", $$"""{"status":"{{state}}"}""");

        Assert.Equal(first.ToString(), again.ToString());
        Assert.Equal(events, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Theory]
    [InlineData("POST /jobs", """{}""", "kind")]
    [InlineData("POST /jobs", """{"kind":"mow_the_lawn"}""", "kind")]
    [InlineData("POST /jobs", """{"kind":"Parse"}""", "kind")]
    [InlineData("POST /jobs", """{"kind":7}""", "kind")]
    [InlineData("POST /jobs", """{"kind":"workflow"}""", "workflow_name")]
    [InlineData("POST /jobs", """{"kind":"workflow","workflow_name":""}""", "workflow_name")]
    [InlineData("POST /jobs", """{"kind":"parse","id":"a/b"}""", "id")]
    [InlineData("POST /jobs", """{"kind":"parse","project":"a b"}""", "project")]
    [InlineData("POST /jobs", """{"kind":"parse","inbox":""}""", "inbox")]
    [InlineData("POST /jobs", """{"kind":"parse","status":"pending"}""", "status")]
    [InlineData("PATCH /jobs/known", """{}""", "status")]
    [InlineData("PATCH /jobs/known", """{"status":"done"}""", "status")]
    [InlineData("PATCH /jobs/known", """{"status":"Successful"}""", "status")]
    [InlineData("PATCH /jobs/known", """{"status":"failure","error":{"a":1}}""", "error")]
    [InlineData("PATCH /jobs/known", """{"status":"successful","usage":[]}""", "usage")]
    [InlineData("PATCH /jobs/known", """{"status":"successful","fn_status":"ok"}""", "fn_status")]
    [InlineData("PATCH /jobs/known", """{"status":"successful","kind":"parse"}""", "kind")]
    public async Task A_wrong_member_is_refused_by_name(string call, string body, string member)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"known"}""");

        await customer.Admin.RefusalAsync(422, call, body, member);

        Assert.Equal("pending", (await customer.Admin.CallAsync(200, "GET /jobs/known")).Text("status"));
        Assert.Single((await customer.Admin.CallAsync(200, "GET /events")).Data());
    }

    [Fact]
    public async Task An_error_has_at_most_4096_characters()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");

        await customer.Admin.RefusalAsync(422, "PATCH /jobs/j", $$"""{"status":"failure","error":"{{new string('e', 4097)}}"}""", "error");
        await customer.Admin.CallAsync(200, "PATCH /jobs/j", $$"""{"status":"failure","error":"{{new string('e', 4096)}}"}""");
    }

    [Fact]
    public async Task Of_concurrent_moves_to_different_ends_one_is_made()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");

        var statuses = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var answer = await customer.Admin.RequestAsync("PATCH /jobs/j", $$"""{"status":"{{Ends[i % 3]}}"}""");
            return (State: Ends[i % 3], Code: (int)answer.StatusCode);
        }));

        var end = (await customer.Admin.CallAsync(200, "GET /jobs/j")).Text("status");
        Assert.All(statuses, s => Assert.Equal(s.State == end ? 200 : 409, s.Code));
        Assert.Equal(2, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task A_batch_creates_and_moves_in_its_order_and_answers_item_by_item()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "\"ordering\":\"by_key\"");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"known"}""");

        var data = (await customer.Admin.CallAsync(
            202, "POST /jobs/batch",
            """
            [{"id":"new","status":"processing"},
             {"kind":"parse","id":"new"},
             {"id":"new","status":"processing"},
             {"kind":"nothing"},
             {"id":"known","status":"successful","usage":{"pages_parsed":1}},
             {"id":"known","status":"failure"},
             {"kind":"document_ingestion","id":"new"},
             {"id":"nobody","status":"processing"},
             {"id":"new","status":"cancelled"},
             {"kind":"parse","id":"known"},
             {"kind":"parse","status":"pending"},
             {"status":"failure"},
             {"kind":"parse","colour":"red"},
             17,
             {"id":"new","status":"cancelled"}]
            """)).Data();

        int[] errors = [404, 0, 0, 422, 0, 409, 409, 404, 0, 409, 422, 422, 422, 400, 0];
        Assert.Equal(errors, data.Select(d => d.TryGetProperty("error", out var error) ? error.GetProperty("status").GetInt32() : 0));
        string?[] states = [null, "pending", "processing", null, "successful", null, null, null, "cancelled", null, null, null, null, null, "cancelled"];
        Assert.Equal(states, data.Select(d => d.TryGetProperty("status", out var status) ? status.GetString() : null));
        foreach (var (item, member) in new[] { (3, "kind"), (10, "status"), (11, "kind"), (12, "colour") })
            Http.AssertProblem(data[item].GetProperty("error"), 422, member);
        Assert.Equal("parse", (await customer.Admin.CallAsync(200, "GET /jobs/new")).Text("kind"));

        var posts = await receiver.WaitForAsync(5);
        string[] TypesFor(string job) => [.. posts.Where(p => JsonElement.Parse(p.Body).Text("job_id") == job).Select(p => p.Headers["dispatcher-event"])];
        Assert.Equal(["job.created", "job.processing", "job.cancelled"], TypesFor("new"));
        Assert.Equal(["job.created", "job.completed"], TypesFor("known"));
        Assert.Equal(5, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task Of_two_creations_of_one_job_in_a_batch_the_first_is_made()
    {
        var customer = await api.CustomerAsync();
        var items = Enumerable.Range(0, 60).Select(i => $$"""{"kind":"{{(i < 30 ? "parse" : "extract")}}","id":"j{{i % 30}}"}""");

        var data = (await customer.Admin.CallAsync(202, "POST /jobs/batch", $"[{string.Join(",", items)}]")).Data();

        Assert.All(data[..30], d => Assert.Equal("pending", d.Text("status")));
        Assert.All(data[30..], d => Http.AssertProblem(d.GetProperty("error"), 409));
        for (var i = 0; i < 30; i++) Assert.Equal("parse", (await customer.Admin.CallAsync(200, $"GET /jobs/j{i}")).Text("kind"));
    }

    [Fact]
    public async Task A_batch_is_an_array_of_1_to_1000_jobs()
    {
        var customer = await api.CustomerAsync();
        static string Batch(int count) => $"[{string.Join(",", Enumerable.Repeat("""{"kind":"parse"}""", count))}]";

        await customer.Admin.RefusalAsync(422, "POST /jobs/batch", Batch(1001), "body");
        await customer.Admin.RefusalAsync(422, "POST /jobs/batch", "[]", "body");
        await customer.Admin.RefusalAsync(400, "POST /jobs/batch", "{}");
        await customer.Admin.RefusalAsync(400, "POST /jobs/batch", "[{");
        Assert.Empty((await customer.Admin.CallAsync(200, "GET /events")).Data());
        Assert.Equal(1000, (await customer.Admin.CallAsync(202, "POST /jobs/batch", Batch(1000))).Data().Count);
    }

    [Fact]
    public async Task A_job_does_not_move_when_its_events_cannot_be_stored()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"document_predict","id":"j"}""");
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        var partitions = await DetachEventPartitionsAsync(connection);

        await server.Client.RefusalAsync(500, "PATCH /jobs/j", """{"status":"successful"}""");
        await server.Client.RefusalAsync(500, "POST /jobs", """{"kind":"parse","id":"k"}""");
        await server.Client.RefusalAsync(500, "POST /jobs/batch", """[{"kind":"parse","id":"l"},{"id":"j","status":"failure"}]""");
        var during = await server.Client.CallAsync(200, "GET /jobs/j");
        await server.Client.RefusalAsync(404, "GET /jobs/k");
        await server.Client.RefusalAsync(404, "GET /jobs/l");

        foreach (var (name, bounds) in partitions)
            await ExecuteAsync(connection, $"ALTER TABLE dispatcher.event ATTACH PARTITION dispatcher.{name} {bounds}");
        Assert.Equal("pending", during.Text("status"));
        Assert.Equal(["job.created"], await TypesAsync(server));
        await server.Client.CallAsync(200, "PATCH /jobs/j", """{"status":"successful"}""");
        Assert.Equal(["document_predict", "job.completed", "job.created"], (await TypesAsync(server)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task No_event_is_stored_when_the_job_cannot_move()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"j"}""");
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await ExecuteAsync(connection, "ALTER TABLE dispatcher.job ADD CONSTRAINT never_fails CHECK (status <> 'failure')");

        await server.Client.RefusalAsync(500, "PATCH /jobs/j", """{"status":"failure"}""");

        Assert.Equal("pending", (await server.Client.CallAsync(200, "GET /jobs/j")).Text("status"));
        Assert.Equal(["job.created"], await TypesAsync(server));
    }

    [Fact]
    public async Task A_provider_adds_kinds_and_renames_types_by_configuration()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:Jobs:Kinds:transcribe:Emits:successful:0"] = "transcript.ready",
            ["Dispatcher:Jobs:Any:processing:0"] = "job.started",
        });
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"transcribe","id":"j"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/j", """{"status":"processing"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/j", """{"status":"successful"}""");

        Assert.Equal(["job.completed", "job.created", "job.started", "transcript.ready"], (await TypesAsync(server)).Order(StringComparer.Ordinal));
        await server.Client.CallAsync(200, "GET /event-types/transcript.ready");
    }

    private static string Move(string state, string kind) => state switch
    {
        "successful" => $$"""{"status":"successful","usage":{{Usage}}{{(kind == "workflow" ? $",\"fn_status\":{FnStatus}" : "")}}}""",
        "failure" => $$"""{"status":"failure","error":"The document is empty: \"ä\""{{(kind == "workflow" ? $",\"fn_status\":{FnStatus}" : "")}}}""",
        _ => $$"""{"status":"{{state}}"}""",
    };

    /// <summary>The table of the contract.</summary>
    private static IEnumerable<string> TypesOf(string kind, string state)
    {
        yield return state switch
        {
            "pending" => "job.created",
            "processing" => "job.processing",
            "successful" => "job.completed",
            "failure" => "job.failed",
            _ => "job.cancelled",
        };
        if (kind is "document_predict" or "document_evaluate" && state == "successful") yield return kind;
        if (kind == "document_ingestion" && state == "pending") yield return "tensorlake.document_ingestion.job.created";
        if (kind == "document_ingestion" && state == "failure") yield return "tensorlake.document_ingestion.job.failed";
        if (kind == "document_ingestion" && state == "successful") yield return "tensorlake.document_ingestion.job.completed";
        if (kind == "workflow" && Ends.Contains(state)) yield return "workflow.completed";
    }

    /// <summary>The payloads of the contract, with the times of the job as it ended.</summary>
    private static string PayloadOf(string type, string state, JsonElement job)
    {
        if (type == "workflow.completed")
            return $$"""{"workflow_name":"workflow_XXXX","invocation_id":"j","fn_status":{{(state == "cancelled" ? "{}" : FnStatus)}}}""";
        var begin = $$"""{"job_id":"j","status":"{{state}}","created_at":"{{job.Text("created_at")}}" """;
        var end = Ends.Contains(state) ? $",\"finished_at\":\"{job.Text("finished_at")}\"" : "";
        return state switch
        {
            "failure" => $$"""{{begin}},"error":"The document is empty: \"ä\""{{end}}}""",
            "successful" => $$"""{{begin}}{{end}},"usage":{{Usage}}}""",
            _ => $$"""{{begin}}{{end}}}""",
        };
    }

    private static async Task<IEnumerable<string>> TypesAsync(TestServer server) =>
        (await server.Client.CallAsync(200, "GET /events")).Data().Select(e => e.Text("type"));

    /// <summary>Takes the partitions away; their tables stay, so that maintenance does not make new ones.</summary>
    private static async Task<List<(string Name, string Bounds)>> DetachEventPartitionsAsync(NpgsqlConnection connection)
    {
        var partitions = new List<(string, string)>();
        await using (var command = new NpgsqlCommand(
            """
            SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
            FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'dispatcher.event'::regclass
            """, connection))
        await using (var reader = await command.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync()) partitions.Add((reader.GetString(0), reader.GetString(1)));
        }

        Assert.NotEmpty(partitions);
        foreach (var (name, _) in partitions) await ExecuteAsync(connection, $"ALTER TABLE dispatcher.event DETACH PARTITION dispatcher.{name}");
        return partitions;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
