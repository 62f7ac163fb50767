// The job calls against the documented wire, single and in batches.

using System.Net;
using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class DispatcherClientJobTests
{
    [Fact]
    public async Task A_job_is_created_in_the_documented_shape()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(201, """{"id":"run_1","kind":"workflow","workflow_name":"nightly","status":"pending","created_at":"2026-01-01T00:00:00Z"}""");

        var job = await client.CreateJobAsync(new JobStart("workflow") { Id = "run_1", Project = "p", WorkflowName = "nightly" });

        var request = await server.RequestAsync();
        Assert.Equal("POST /jobs", $"{request.Method} {request.Path}");
        Assert.Equal("""{"kind":"workflow","id":"run_1","project":"p","workflow_name":"nightly"}""", request.Body);
        Assert.Equal(("run_1", JobStatus.Pending, "nightly"), (job.Id, job.Status, job.WorkflowName));
    }

    [Theory]
    [InlineData(JobStatus.Pending, "pending")]
    [InlineData(JobStatus.Processing, "processing")]
    [InlineData(JobStatus.Successful, "successful")]
    [InlineData(JobStatus.Failure, "failure")]
    [InlineData(JobStatus.Cancelled, "cancelled")]
    public async Task A_job_is_moved_to_the_state_by_its_documented_name(JobStatus status, string name)
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, $$"""{"id":"a b/c","kind":"document_predict","status":"{{name}}"}""");

        var job = await client.UpdateJobAsync("a b/c", new JobUpdate(status));

        var request = await server.RequestAsync();
        Assert.Equal("PATCH", request.Method);
        Assert.Equal("/jobs/a%20b%2Fc", request.Path, ignoreCase: true);
        Assert.Equal($$"""{"status":"{{name}}"}""", request.Body);
        Assert.Equal(status, job.Status);
    }

    [Fact]
    public async Task A_successful_move_tells_usage_with_all_its_members_and_the_result_byte_for_byte()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, """{"id":"j","kind":"k","status":"successful","usage":{"pages_parsed":10},"result":{"n":1.0}}""");

        var job = await client.UpdateJobAsync("j", new JobUpdate(JobStatus.Successful)
        {
            Usage = new JobUsage { PagesParsed = 10 },
            Result = JsonPayload.FromText("""{ "n": 1.0 }"""),
        });

        Assert.Equal(
            """{"status":"successful","usage":{"pages_parsed":10,"extraction_input_tokens_used":0,"extraction_output_tokens_used":0,"ocr_input_tokens_used":0,"ocr_output_tokens_used":0,"signature_detected_pages":0,"strikethrough_detected_pages":0,"summarization_input_tokens_used":0,"summarization_output_tokens_used":0},"result":{ "n": 1.0 }}""",
            (await server.RequestAsync()).Body);
        Assert.Equal(10, job.Usage!.Value.GetProperty("pages_parsed").GetInt32());
    }

    [Fact]
    public async Task A_move_that_is_not_allowed_is_a_conflict_and_is_not_tried_again()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.NextProblem(409, "The job is at its end");

        var error = await Assert.ThrowsAsync<DispatcherApiException>(() => client.UpdateJobAsync("j", new JobUpdate(JobStatus.Processing)));

        Assert.Equal((409, "The job is at its end"), (error.Status, error.Title));
        await server.RequestAsync();
        server.AssertNoMoreRequests();
    }

    [Fact]
    public async Task Creations_and_moves_go_in_one_batch_and_a_failed_jobs_error_is_not_taken_for_the_items()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(202, """
            {"data":[{"id":"job_1","kind":"document_predict","status":"pending"},
                     {"id":"b","kind":"document_ingestion","status":"failure","error":"unreadable"},
                     {"error":{"title":"Not found","status":404}}]}
            """);

        var outcomes = await client.SendJobsAsync([
            JobBatchItem.ForCreation(new JobStart("document_predict")),
            JobBatchItem.ForMove("b", new JobUpdate(JobStatus.Failure) { Error = "unreadable" }),
            JobBatchItem.ForMove("c", new JobUpdate(JobStatus.Processing)),
        ]);

        var request = await server.RequestAsync();
        Assert.Equal("POST /jobs/batch", $"{request.Method} {request.Path}");
        Assert.Equal(
            """[{"kind":"document_predict"},{"id":"b","status":"failure","error":"unreadable"},{"id":"c","status":"processing"}]""",
            request.Body);
        Assert.Equal("job_1", outcomes[0].GetValueOrThrow().Id);
        Assert.Equal("unreadable", outcomes[1].GetValueOrThrow().Error);
        Assert.Equal((int)HttpStatusCode.NotFound, outcomes[2].Error!.Status);
    }

    [Fact]
    public async Task A_job_is_read()
    {
        await using var server = await PlayedServer.StartAsync();
        using var client = server.Connect();
        server.Next(200, """{"id":"j","kind":"workflow","status":"cancelled","fn_status":{"fn_A":"success"},"finished_at":"2026-01-01T00:00:00Z"}""");

        var job = await client.GetJobAsync("j");

        Assert.Equal("GET /jobs/j", await server.RequestAsync() is { } request ? $"{request.Method} {request.Path}" : null);
        Assert.Equal(JobStatus.Cancelled, job.Status);
        Assert.Equal("success", job.FnStatus!["fn_A"]);
    }
}
