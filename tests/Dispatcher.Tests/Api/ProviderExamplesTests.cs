// The three sources' own examples, played through: what their customers have today works here, word for word.

using System.Text;
using System.Text.Json;
using Dispatcher.Tests.Signing;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class ProviderExamplesTests(ApiServer api, NodeVerifiers verifiers) : IClassFixture<ApiServer>, IClassFixture<NodeVerifiers>
{
    // As in source A's documentation, on one line.
    private const string Usage =
        """{"pages_parsed":10,"extraction_input_tokens_used":0,"extraction_output_tokens_used":0,"ocr_input_tokens_used":0,"ocr_output_tokens_used":0,"signature_detected_pages":0,"strikethrough_detected_pages":0,"summarization_input_tokens_used":0,"summarization_output_tokens_used":0}""";

    [Fact]
    public async Task Source_A_a_document_is_ingested()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, "\"ordering\":\"by_key\"", "\"tensorlake.document_ingestion.job.created\",\"tensorlake.document_ingestion.job.completed\"");

        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"document_ingestion","id":"parse_XXX"}""");
        var job = await customer.Admin.CallAsync(200, "PATCH /jobs/parse_XXX", $$"""{"status":"successful","usage":{{Usage}}}""");

        var posts = await receiver.WaitForAsync(2);
        var (created, finished) = (job.Text("created_at"), job.Text("finished_at"));
        Assert.Equal(
            ["tensorlake.document_ingestion.job.created", "tensorlake.document_ingestion.job.completed"], posts.Select(p => p.Headers["dispatcher-event"]));
        Assert.Equal($$"""{"job_id":"parse_XXX","status":"pending","created_at":"{{created}}"}""", posts[0].Text);
        Assert.Equal(
            $$"""{"job_id":"parse_XXX","status":"successful","created_at":"{{created}}","finished_at":"{{finished}}","usage":{{Usage}}}""", posts[1].Text);
    }

    [Fact]
    public async Task Source_A_a_document_cannot_be_ingested()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, events: "\"tensorlake.document_ingestion.job.failed\"");

        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"document_ingestion","id":"parse_XXX"}""");
        var job = await customer.Admin.CallAsync(200, "PATCH /jobs/parse_XXX", """{"status":"failure","error":"The file is not a document."}""");

        var post = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal("tensorlake.document_ingestion.job.failed", post.Headers["dispatcher-event"]);
        Assert.Equal(
            $$"""{"job_id":"parse_XXX","status":"failure","error":"The file is not a document.","created_at":"{{job.Text("created_at")}}","finished_at":"{{job.Text("finished_at")}}"}""",
            post.Text);
    }

    [Fact]
    public async Task Source_A_a_workflow_ends()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.RegisterAsync(receiver.Url, events: "\"workflow.completed\"");

        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"workflow","id":"invocation_XXXX","workflow_name":"workflow_XXXX"}""");
        await customer.Admin.CallAsync(200, "PATCH /jobs/invocation_XXXX", """{"status":"failure","fn_status":{"fn_A":"success","fn_B":"failure"}}""");

        Assert.Equal(
            """{"workflow_name":"workflow_XXXX","invocation_id":"invocation_XXXX","fn_status":{"fn_A":"success","fn_B":"failure"}}""",
            Assert.Single(await receiver.WaitForAsync(1)).Text);
    }

    [Fact]
    public async Task Source_A_the_svix_library_verifies_what_arrives_by_its_svix_headers()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var secret = (await customer.RegisterAsync(receiver.Url, events: "\"tensorlake.document_ingestion.job.created\"")).Text("secret");
        await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"document_ingestion","id":"parse_XXX"}""");

        var post = Assert.Single(await receiver.WaitForAsync(1));

        var headers = post.Headers.Where(h => h.Key.StartsWith("svix-", StringComparison.Ordinal)).ToDictionary();
        Assert.Equal(["svix-id", "svix-signature", "svix-timestamp"], headers.Keys.Order(StringComparer.Ordinal));
        var genuine = new ReceivedSignature("svix", secret, headers, post.Body);
        var forged = genuine with { Body = Encoding.UTF8.GetBytes(post.Text.Replace("pending", "failure", StringComparison.Ordinal)) };
        Assert.Equal(["verified", "No matching signature found"], await verifiers.VerifyAsync(genuine, forged));
    }

    [Fact]
    public async Task Source_B_the_minimum_integration_gets_predictions()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();

        using var answer = await customer.Admin.RequestAsync(
            "POST /integrations", $$"""{"type":"webhook","events":["document_predict"],"target":"{{receiver.Url}}"}""");
        var made = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Created);

        Assert.Equal($"/integrations/{made.Text("id")}", answer.Headers.Location?.OriginalString);
        Assert.Matches("^int_[0-9a-f]{32}$", made.Text("id"));
        Assert.Equal(("webhook", receiver.Url.ToString()), (made.Text("type"), made.Text("target")));
        Assert.Equal(["document_predict"], made.GetProperty("events").EnumerateArray().Select(e => e.GetString()));
        Assert.Matches("^whsec_[A-Za-z0-9+/]{32}$", made.Text("secret"));
        Assert.True(made.GetProperty("enabled").GetBoolean());
        Assert.Equal(
            (JsonValueKind.Null, JsonValueKind.Null), (made.GetProperty("project").ValueKind, made.GetProperty("inbox").ValueKind));

        await FinishAsync(customer, "document_evaluate", "doc_1");
        await FinishAsync(customer, "document_predict", "doc_2");
        var post = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal(("document_predict", "doc_2"), (post.Headers["dispatcher-event"], JsonElement.Parse(post.Text).Text("job_id")));
        Assert.False(post.Headers.ContainsKey("authorization"));
    }

    [Fact]
    public async Task Source_B_a_static_authorization_header_goes_with_every_post()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();

        var made = await customer.Admin.CallAsync(
            201, "POST /integrations",
            $$"""{"type":"webhook","events":["document_predict","document_evaluate"],"target":"{{receiver.Url}}","headers":{"Authorization":"Bearer abcdefg"} }""");
        await FinishAsync(customer, "document_predict", "doc_1");
        await FinishAsync(customer, "document_evaluate", "doc_1_checked");

        var posts = await receiver.WaitForAsync(2);
        Assert.Equal(["document_evaluate", "document_predict"], posts.Select(p => p.Headers["dispatcher-event"]).Order(StringComparer.Ordinal));
        Assert.All(posts, p => Assert.Equal("Bearer abcdefg", p.Headers["authorization"]));
        Assert.DoesNotContain("abcdefg", made.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Source_B_an_integration_of_an_inbox_gets_what_comes_from_that_inbox()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        await customer.Admin.CallAsync(
            201, "POST /integrations", $$"""{"type":"webhook","events":["document_predict"],"target":"{{receiver.Url}}","inbox":"mail-1"}""");

        await FinishAsync(customer, "document_predict", "elsewhere", ",\"inbox\":\"mail-2\"");
        await FinishAsync(customer, "document_predict", "nowhere");
        await FinishAsync(customer, "document_predict", "here", ",\"inbox\":\"mail-1\"");

        var post = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal(("here", "mail-1"), (JsonElement.Parse(post.Text).Text("job_id"), JsonElement.Parse(post.Text).Text("inbox")));
    }

    [Fact]
    public async Task Source_C_a_link_is_got_with_an_x_api_key_and_no_body()
    {
        using var client = await KeyHeaderAsync(await api.CustomerAsync());

        // No body at all: neither a length nor a type.
        using var answer = await client.RequestAsync("POST /webhook");

        var link = (await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.OK)).Text("link");
        using var visitor = api.Server.ClientWith(null);
        using var page = await visitor.GetAsync(link);
        Assert.Equal((200, "/portal", "text/html"), ((int)page.StatusCode, page.RequestMessage!.RequestUri!.AbsolutePath, page.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task Source_C_a_job_is_polled_until_it_ends()
    {
        var customer = await api.CustomerAsync();
        using var client = await KeyHeaderAsync(customer);
        var started = await customer.Admin.CallAsync(201, "POST /jobs", """{"kind":"extract"}""");
        var id = started.Text("job_id");

        var pending = await client.CallAsync(200, $"GET /job/{id}");
        await customer.Admin.CallAsync(200, $"PATCH /jobs/{id}", """{"status":"processing"}""");
        var processing = await client.CallAsync(200, $"GET /job/{id}");
        await customer.Admin.CallAsync(200, $"PATCH /jobs/{id}", """{"status":"successful","result":{"markdown":"# Title","page_count":15}}""");
        var done = await client.CallAsync(200, $"GET /job/{id}");

        Assert.Equal(("pending", "processing", "successful"), (pending.Text("status"), processing.Text("status"), done.Text("status")));
        Assert.Equal((id, started.Text("created_at")), (done.Text("job_id"), done.Text("created_at")));
        Assert.Equal("""{"markdown":"# Title","page_count":15}""", done.GetProperty("result").GetRawText());
        Assert.NotEqual("", done.Text("updated_at"));
        await client.RefusalAsync(404, "GET /job/3c90c3cc-0d44-4b50-8888-8dd25736052a");
    }

    [Fact]
    public async Task Source_C_an_endpoint_with_basic_auth_gets_it()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(receiver.Url, "\"basic_auth\":{\"username\":\"pulse\",\"password\":\"s3cret:ü\"}", "\"job.completed\"");

        await FinishAsync(customer, "extract", "job");

        var post = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("pulse:s3cret:ü")), post.Headers["authorization"]);
        Assert.Equal("pulse", made.GetProperty("basic_auth").Text("username"));
        Assert.DoesNotContain("s3cret", made.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A client that shows an admin's key as source C's clients do.</summary>
    private async Task<HttpClient> KeyHeaderAsync(Customer customer)
    {
        var client = api.Server.ClientWith(null);
        client.DefaultRequestHeaders.Add("x-api-key", (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"admin"}""")).Text("key"));
        return client;
    }

    private static async Task FinishAsync(Customer customer, string kind, string id, string members = "")
    {
        await customer.Admin.CallAsync(201, "POST /jobs", $$"""{"kind":"{{kind}}","id":"{{id}}"{{members}}}""");
        await customer.Admin.CallAsync(200, $"PATCH /jobs/{id}", """{"status":"successful"}""");
    }
}
