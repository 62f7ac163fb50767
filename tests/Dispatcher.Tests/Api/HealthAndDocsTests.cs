// Health checks, the OpenAPI document and its reader.

using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Api;

public sealed partial class HealthAndDocsTests(ApiServer api) : IClassFixture<ApiServer>
{
    [Theory]
    [InlineData("GET /health/live")]
    [InlineData("GET /health/ready")]
    [InlineData("HEAD /health/ready")]
    public async Task A_server_with_its_database_is_live_and_ready_without_a_key(string call)
    {
        using var nobody = api.Server.ClientWith(null);
        using var answer = await nobody.RequestAsync(call);

        Assert.Equal(200, (int)answer.StatusCode);
    }

    [Fact]
    public async Task A_server_without_its_database_is_live_but_not_ready()
    {
        await using var store = await OwnStore.StartAsync();
        await using var server = await store.ServerAsync();
        Assert.Equal(200, (int)(await server.Client.GetAsync("/health/ready")).StatusCode);

        await store.StopAsync();

        Assert.Equal(200, (int)(await server.Client.GetAsync("/health/live")).StatusCode);
        using var answer = await server.Client.GetAsync("/health/ready");
        await answer.RefusalAsync(503);
        Assert.NotNull(answer.Headers.RetryAfter);

        await store.RestartAsync();
        await Eventually.TrueAsync(async () => (int)(await server.Client.GetAsync("/health/ready")).StatusCode == 200, "the server is ready again");
    }

    [Fact]
    public async Task The_document_is_openapi_3_1_and_needs_no_key()
    {
        using var nobody = api.Server.ClientWith(null);

        var document = await nobody.CallAsync(200, "GET /openapi/v1.json");

        Assert.StartsWith("3.1.", document.Text("openapi"), StringComparison.Ordinal);
        Assert.Equal(["apiKey", "bearer"], document.GetProperty("components").GetProperty("securitySchemes").Members().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_endpoint_is_an_operation_with_a_summary_a_tag_its_answers_and_its_refusals()
    {
        var document = await api.Operator.CallAsync(200, "GET /openapi/v1.json");
        var operations = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(o => (Name: $"{o.Name.ToUpperInvariant()} {path.Name.TrimEnd('/')}", o.Value)))
            .ToDictionary(o => o.Name, o => o.Value);

        // All that have a key's role; health and the document itself are none of the API's operations.
        var endpoints = api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<Access.Admits>() is not null)
            .Select(e => $"{e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]} /{e.RoutePattern.RawText!.Trim('/')}");
        Assert.Equal(endpoints.Order(StringComparer.Ordinal), operations.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, operation) in operations)
        {
            Assert.True(operation.TryGetProperty("summary", out var summary) && summary.GetString() is { Length: > 0 }, $"{name} has no summary");
            Assert.NotEmpty(operation.GetProperty("tags").EnumerateArray());
            var statuses = operation.GetProperty("responses").Members();
            Assert.True(statuses.Any(s => s[0] == '2'), $"{name} has no success");
            Assert.Superset(new HashSet<string>(["401", "403"]), statuses.ToHashSet());
            if (name.Contains('{', StringComparison.Ordinal)) Assert.Contains("404", statuses);
            if (name.StartsWith("POST", StringComparison.Ordinal)) Assert.Contains("Idempotency-Key", operation.GetProperty("parameters").ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("POST /integrations", "events,target,type,headers,basic_auth,retry")]
    [InlineData("PATCH /integrations/{id}", "events,target,type,headers,basic_auth,retry")]
    [InlineData("POST /events", "type,payload,id,project,inbox,ordering_key")]
    [InlineData("POST /jobs", "kind,id,project,inbox,workflow_name")]
    [InlineData("PATCH /jobs/{id}", "status,usage,error,fn_status,result")]
    public async Task A_request_body_is_described_by_its_members(string operation, string members)
    {
        var document = await api.Operator.CallAsync(200, "GET /openapi/v1.json");
        var (method, path) = (operation.Split(' ')[0].ToLowerInvariant(), operation.Split(' ')[1]);
        var found = document.GetProperty("paths").EnumerateObject().Single(p => p.Name.TrimEnd('/') == path).Value.GetProperty(method);

        var schema = found.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema");
        if (schema.TryGetProperty("$ref", out var reference))
            schema = document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1]);

        Assert.Superset(members.Split(',').ToHashSet(), schema.GetProperty("properties").Members().ToHashSet());
    }

    [Theory]
    [InlineData("/docs")]
    [InlineData("/v1/docs")]
    public async Task The_reader_works_without_any_other_host(string path)
    {
        using var nobody = api.Server.ClientWith(null);
        using var page = await nobody.GetAsync(path);
        Assert.Equal(200, (int)page.StatusCode);
        var address = page.RequestMessage!.RequestUri!;
        var html = await page.Content.ReadAsStringAsync();
        Assert.Contains("Dispatcher API", html, StringComparison.Ordinal);

        var files = References().Matches(html).Select(m => new Uri(address, m.Groups[1].Value)).ToList();
        Assert.True(files.Count >= 3, html);
        foreach (var file in files)
        {
            Assert.Equal(address.Authority, file.Authority);
            using var answer = await nobody.GetAsync(file);
            Assert.True(answer.IsSuccessStatusCode, $"{file}: {(int)answer.StatusCode}");
            // Styles may bring fonts and pictures along.
            if (!file.AbsolutePath.EndsWith(".css", StringComparison.Ordinal)) continue;
            Assert.DoesNotMatch(@"(@import|url\()\s*['""]?(https?:)?//", await answer.Content.ReadAsStringAsync());
        }

        // The document that it reads is this server's own.
        var script = string.Join("\n", await Task.WhenAll(files.Where(f => f.AbsolutePath.EndsWith(".js", StringComparison.Ordinal)).Select(f => nobody.GetStringAsync(f)))) + html;
        Assert.Contains("../openapi/v1.json", script, StringComparison.Ordinal);
        await nobody.CallAsync(200, $"GET {new Uri(address, "../openapi/v1.json").AbsolutePath}");
    }

    [GeneratedRegex("(?:src|href)=\"([^\"#]+)\"")]
    private static partial Regex References();
}
