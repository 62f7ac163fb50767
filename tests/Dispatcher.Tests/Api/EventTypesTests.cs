// The catalogue of event types: /event-types.

using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class EventTypesTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("job.created")]
    [InlineData("job.processing")]
    [InlineData("job.completed")]
    [InlineData("job.failed")]
    [InlineData("job.cancelled")]
    [InlineData("document_predict")]
    [InlineData("document_evaluate")]
    [InlineData("tensorlake.document_ingestion.job.created")]
    [InlineData("tensorlake.document_ingestion.job.failed")]
    [InlineData("tensorlake.document_ingestion.job.completed")]
    [InlineData("workflow.completed")]
    [InlineData("integration.disabled")]
    [InlineData("delivery.exhausted")]
    public async Task Every_type_that_the_server_emits_is_there_from_the_beginning_with_an_example(string name)
    {
        var type = await api.Operator.CallAsync(200, $"GET /event-types/{name}");

        Assert.Equal(name, type.Text("name"));
        Assert.NotEmpty(type.Text("description"));
        Assert.NotEmpty(type.GetProperty("example").Members());
        Assert.False(type.GetProperty("deprecated").GetBoolean());
    }

    [Fact]
    public async Task The_examples_are_the_payloads_of_the_contract()
    {
        const string created = """{"job_id":"parse_XXX","status":"pending","created_at":"2023-10-01T12:00:00.000Z"}""";
        const string failed =
            """
            {"job_id":"parse_XXX","status":"failure","error":"The document could not be read.",
             "created_at":"2023-10-01T12:00:00.000Z","finished_at":"2023-10-01T12:01:00.000Z"}
            """;
        const string completed =
            """
            {"job_id":"parse_XXX","status":"successful","created_at":"2023-10-01T12:00:00.000Z","finished_at":"2023-10-01T12:01:00.000Z",
             "usage":{"pages_parsed":10,"extraction_input_tokens_used":0,"extraction_output_tokens_used":0,"ocr_input_tokens_used":0,
             "ocr_output_tokens_used":0,"signature_detected_pages":0,"strikethrough_detected_pages":0,"summarization_input_tokens_used":0,
             "summarization_output_tokens_used":0}}
            """;
        const string ingestion = "tensorlake.document_ingestion.job";
        await AssertExampleAsync("job.created", created);
        await AssertExampleAsync("job.processing", created.Replace("pending", "processing", StringComparison.Ordinal));
        await AssertExampleAsync(
            "job.cancelled",
            """{"job_id":"parse_XXX","status":"cancelled","created_at":"2023-10-01T12:00:00.000Z","finished_at":"2023-10-01T12:01:00.000Z"}""");
        foreach (var type in new[] { "job.completed", "document_predict", "document_evaluate", $"{ingestion}.completed" }) await AssertExampleAsync(type, completed);
        foreach (var type in new[] { "job.failed", $"{ingestion}.failed" }) await AssertExampleAsync(type, failed);
        await AssertExampleAsync($"{ingestion}.created", created);
        await AssertExampleAsync(
            "workflow.completed", """{"workflow_name":"workflow_XXXX","invocation_id":"invocation_XXXX","fn_status":{"fn_A":"success","fn_B":"failure"}}""");

        async Task AssertExampleAsync(string name, string example) =>
            Http.AssertJson(example, (await api.Operator.CallAsync(200, $"GET /event-types/{name}")).GetProperty("example"));
    }

    [Fact]
    public async Task A_type_is_added_replaced_and_removed()
    {
        const string example = """{ "total" : 1.50 }""";
        using var answer = await api.Operator.RequestAsync("POST /event-types", $$"""{"name":"invoice.paid","description":"Paid.","example":{{example}}}""");
        var made = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Created);
        Assert.Equal("/event-types/invoice.paid", answer.Headers.Location?.OriginalString);
        Assert.Equal(["name", "description", "example", "deprecated", "created_at", "updated_at"], made.Members());
        Http.AssertJson(example, made.GetProperty("example"));

        var replaced = await api.Operator.CallAsync(200, "PUT /event-types/invoice.paid", """{"deprecated":true}""");
        Assert.True(replaced.GetProperty("deprecated").GetBoolean());
        Assert.Equal(JsonValueKind.Null, replaced.GetProperty("description").ValueKind);
        Assert.Equal(JsonValueKind.Null, replaced.GetProperty("example").ValueKind);
        Assert.Equal(made.Text("created_at"), replaced.Text("created_at"));
        Assert.Equal(replaced.ToString(), (await api.Operator.CallAsync(200, "GET /event-types/invoice.paid")).ToString());

        await api.Operator.CallAsync(204, "DELETE /event-types/invoice.paid");
        await api.Operator.RefusalAsync(404, "GET /event-types/invoice.paid");
        await api.Operator.RefusalAsync(404, "PUT /event-types/invoice.paid", "{}");
        await api.Operator.RefusalAsync(404, "DELETE /event-types/invoice.paid");
        // The catalogue is no gate: events of any type may be published.
        await api.Operator.CallAsync(202, "POST /events", """{"type":"invoice.paid","payload":{}}""");
    }

    [Fact]
    public async Task A_test_sends_the_example_as_it_was_given_last_of_a_deprecated_type_too_and_of_one_without_an_example_an_empty_object()
    {
        const string example = """{ "total" : 1.50, "ä":"\u00e4" }""";
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var test = $"POST /integrations/{(await customer.RegisterAsync(receiver.Url)).Text("id")}/test";
        await api.Operator.CallAsync(201, "POST /event-types", """{"name":"bill.paid","example":{"old":true}}""");
        await api.Operator.CallAsync(200, "PUT /event-types/bill.paid", $$"""{"example":{{example}},"deprecated":true}""");
        await api.Operator.CallAsync(201, "POST /event-types", """{"name":"bill.empty"}""");

        var listed = (await customer.Admin.CallAsync(200, "GET /event-types?limit=250")).Data().Single(t => t.Text("name") == "bill.paid");
        Assert.True(listed.GetProperty("deprecated").GetBoolean());
        await customer.Admin.CallAsync(202, test, """{"event":"bill.paid"}""");
        await customer.Admin.CallAsync(202, test, """{"event":"bill.empty"}""");
        await api.Operator.CallAsync(204, "DELETE /event-types/bill.empty");
        await customer.Admin.RefusalAsync(422, test, """{"event":"bill.empty"}""", "event");

        var sent = (await receiver.WaitForAsync(2)).ToDictionary(p => p.Headers["dispatcher-event"], p => p.Text);
        Assert.Equal(example, sent["bill.paid"]);
        Assert.Equal("{}", sent["bill.empty"]);
    }

    [Theory]
    [InlineData("""{}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"a b"}""", "name")]
    [InlineData("""{"name":"a.*"}""", "name")]
    [InlineData("""{"name":1}""", "name")]
    [InlineData("""{"name":"a.x","example":[]}""", "example")]
    [InlineData("""{"name":"a.x","example":"{}"}""", "example")]
    [InlineData("""{"name":"a.x","deprecated":"no"}""", "deprecated")]
    [InlineData("""{"name":"a.x","schema":{}}""", "schema")]
    public async Task A_wrong_member_is_refused_by_name(string body, string member)
    {
        await api.Operator.RefusalAsync(422, "POST /event-types", body, member);
        await api.Operator.RefusalAsync(404, "GET /event-types/a.x");
    }

    [Fact]
    public async Task A_description_has_at_most_2000_characters()
    {
        await api.Operator.CallAsync(201, "POST /event-types", $$"""{"name":"long.one","description":"{{new string('d', 2000)}}"}""");
        await api.Operator.RefusalAsync(422, "PUT /event-types/long.one", $$"""{"description":"{{new string('d', 2001)}}"}""", "description");
    }

    [Fact]
    public async Task A_known_name_is_409_and_a_type_cannot_be_renamed()
    {
        await api.Operator.RefusalAsync(409, "POST /event-types", """{"name":"job.created"}""");
        await api.Operator.RefusalAsync(422, "PUT /event-types/job.created", """{"name":"job.made"}""", "name");
    }

    [Fact]
    public async Task Of_concurrent_creations_of_the_same_one_is_made_and_the_others_are_409()
    {
        foreach (var call in new[] { "POST /event-types", "POST /projects", "POST /organizations" })
        {
            var statuses = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                using var answer = await api.Operator.RequestAsync(call, call == "POST /event-types" ? """{"name":"at.once"}""" : """{"id":"at.once"}""");
                return (int)answer.StatusCode;
            }));

            Assert.Equal([201, 409, 409, 409, 409, 409, 409, 409], statuses.Order());
        }
    }

    [Fact]
    public async Task The_list_is_newest_first_and_what_the_server_brings_by_name()
    {
        await api.Operator.CallAsync(201, "POST /event-types", """{"name":"z.first"}""");
        await api.Operator.CallAsync(201, "POST /event-types", """{"name":"z.second"}""");

        var names = (await api.Operator.CallAsync(200, "GET /event-types?limit=250")).Data().ConvertAll(t => t.Text("name"));

        Assert.True(names.IndexOf("z.second") < names.IndexOf("z.first"));
        var seeded = names[names.IndexOf("delivery.exhausted")..];
        Assert.Equal(seeded.Order(StringComparer.Ordinal), seeded);
        Assert.Contains("workflow.completed", seeded);
        Assert.DoesNotContain("z.first", seeded);
    }

    [Fact]
    public async Task What_an_operator_changed_stays_changed_when_the_server_starts_again()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using (var first = await TestServer.StartAsync(postgres, connectionString: database))
            await first.Client.CallAsync(200, "PUT /event-types/job.created", """{"description":"Ours.","example":{"own":true}}""");

        await using var second = await TestServer.StartAsync(postgres, connectionString: database);

        var type = await second.Client.CallAsync(200, "GET /event-types/job.created");
        Assert.Equal("Ours.", type.Text("description"));
        Http.AssertJson("""{"own":true}""", type.GetProperty("example"));
    }
}
