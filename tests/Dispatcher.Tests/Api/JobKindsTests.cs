// The table of job kinds as an operator's configuration, in the environment: kinds of one's own, types renamed and taken away.

using System.Text.Json;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

[Collection(ProcessTests.Name)]
public sealed class JobKindsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Kinds_and_types_of_the_environment_are_in_the_catalogue_in_tests_and_in_what_jobs_emit()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await ServerProcess.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Dispatcher__Jobs__Kinds__invoice_scan__Emits__successful__0", "invoice.scanned"),
            ("Dispatcher__Jobs__Kinds__invoice_scan__Emits__failure__0", "invoice.unreadable"),
            ("Dispatcher__Jobs__Kinds__night_run__Payload", "workflow"),
            ("Dispatcher__Jobs__Kinds__night_run__Emits__successful__0", "run.over"),
            ("Dispatcher__Jobs__Kinds__document_predict__Emits__successful__0", "prediction.made"),
            ("Dispatcher__Jobs__Any__processing__0", "job.started"),
            ("Dispatcher__Jobs__Any__cancelled__0", ""));
        var integration = (await server.RegisterAsync(receiver.Url, new { ordering = "by_key" })).Text("id");

        // The catalogue.
        var names = (await server.Client.CallAsync(200, "GET /event-types?limit=250")).Data().ConvertAll(t => t.Text("name"));
        string[] wanted = ["invoice.scanned", "invoice.unreadable", "run.over", "prediction.made", "job.started", "job.created", "workflow.completed"];
        Assert.Superset(wanted.ToHashSet(), names.ToHashSet());
        Assert.DoesNotContain("job.processing", names);
        Assert.DoesNotContain("job.cancelled", names);
        Assert.DoesNotContain("document_predict", names);

        // A test.
        await server.Client.CallAsync(202, $"POST /integrations/{integration}/test", """{"event":"invoice.scanned"}""");
        var sent = (await receiver.WaitForAsync(1))[0];
        Assert.Equal("invoice.scanned", sent.Headers["dispatcher-event"]);
        Assert.Equal(["job_id", "status", "created_at", "finished_at", "usage"], JsonElement.Parse(sent.Body).Members());

        // Jobs.
        var begun = receiver.All.Count;
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"invoice_scan","id":"a","project":"p"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/a", """{"status":"processing"}""");
        var scanned = await server.Client.CallAsync(200, "PATCH /jobs/a", """{"status":"successful","usage":{"pages_parsed":2},"result":{"total":1.50}}""");
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"night_run","id":"b","workflow_name":"nightly"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/b", """{"status":"successful","fn_status":{"f":"success"}}""");
        await server.Client.CallAsync(201, "POST /jobs", """{"kind":"document_predict","id":"c"}""");
        await server.Client.CallAsync(200, "PATCH /jobs/c", """{"status":"cancelled"}""");
        await server.Client.RefusalAsync(422, "POST /jobs", """{"kind":"night_run"}""", "workflow_name");

        var posts = (await receiver.WaitForAsync(begun + 8)).Skip(begun).ToList();
        string[] TypesOf(string job) => [.. posts.Where(p => p.Text.Contains($"\"{job}\"", StringComparison.Ordinal)).Select(p => p.Headers["dispatcher-event"])];
        Assert.Equal(["job.created", "job.started", "job.completed", "invoice.scanned"], TypesOf("a"));
        Assert.Equal(["job.created", "job.completed", "run.over"], TypesOf("b"));
        Assert.Equal(["job.created"], TypesOf("c"));
        Http.AssertJson(
            $$"""
            {"job_id":"a","status":"successful","created_at":"{{scanned.Text("created_at")}}","finished_at":"{{scanned.Text("finished_at")}}",
             "usage":{"pages_parsed":2},"result":{"total":1.50},"project":"p"}
            """, PayloadOf("invoice.scanned"));
        Http.AssertJson("""{"workflow_name":"nightly","invocation_id":"b","fn_status":{"f":"success"}}""", PayloadOf("run.over"));
        Assert.Equal("b", JsonElement.Parse(posts.Last(p => p.Headers["dispatcher-event"] == "job.completed").Body).Text("job_id"));

        JsonElement PayloadOf(string type) => JsonElement.Parse(posts.Single(p => p.Headers["dispatcher-event"] == type).Body);
    }

    [Theory]
    [InlineData("Dispatcher__Jobs__Kinds__scan__Emits__done__0", "scan.done", "Dispatcher:Jobs:Kinds:scan:Emits:done")]
    [InlineData("Dispatcher__Jobs__Kinds__scan__Emits__successful__0", "scan done", "Dispatcher:Jobs:Kinds:scan:Emits:successful")]
    [InlineData("Dispatcher__Jobs__Kinds__scan__Payload", "xml", "Dispatcher:Jobs:Kinds:scan:Payload")]
    [InlineData("Dispatcher__Jobs__Kinds__scan__Emit__successful__0", "scan.done", "Emit")]
    [InlineData("Dispatcher__Jobs__Any__pending__1", "*", "Dispatcher:Jobs:Any:pending")]
    public async Task A_wrong_table_ends_the_start_with_the_name_of_the_key(string name, string value, string named)
    {
        var settings = ServerProcess.Settings("Host=127.0.0.1;Port=9", (name, value));

        var ended = await ServerProcess.RunAsync(settings);

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(named, ended.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_type_that_was_deleted_is_back_after_the_next_start_as_long_as_the_table_emits_it()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using (var first = await TestServer.StartAsync(postgres, connectionString: database))
        {
            await first.Client.CallAsync(204, "DELETE /event-types/job.cancelled");
            await first.Client.CallAsync(204, "DELETE /event-types/document_predict");
        }

        var settings = new Dictionary<string, string?> { ["Dispatcher:Jobs:Any:cancelled:0"] = "" };
        await using var second = await TestServer.StartAsync(postgres, settings, connectionString: database);

        await second.Client.CallAsync(200, "GET /event-types/document_predict");
        await second.Client.RefusalAsync(404, "GET /event-types/job.cancelled");
    }

    [Fact]
    public async Task A_job_goes_on_when_its_kind_is_no_longer_in_the_table()
    {
        var database = await postgres.CreateDatabaseAsync();
        var settings = new Dictionary<string, string?>
        {
            ["Dispatcher:Jobs:Kinds:night_run:Payload"] = "workflow",
            ["Dispatcher:Jobs:Kinds:night_run:Emits:successful:0"] = "run.over",
        };
        await using (var first = await TestServer.StartAsync(postgres, settings, connectionString: database))
            await first.Client.CallAsync(201, "POST /jobs", """{"kind":"night_run","id":"j","workflow_name":"w"}""");

        await using var second = await TestServer.StartAsync(postgres, connectionString: database);
        await second.Client.CallAsync(200, "PATCH /jobs/j", """{"status":"successful"}""");

        Assert.Equal(["job.completed", "job.created"], (await second.Client.CallAsync(200, "GET /events")).Data().Select(e => e.Text("type")));
        await second.Client.RefusalAsync(422, "POST /jobs", """{"kind":"night_run","workflow_name":"w"}""", "kind");
    }
}
