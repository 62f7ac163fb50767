// The API reference is complete: every operation, parameter, member and status is described, and the linter finds nothing.

using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Reference;

public sealed class ReferenceTests(ReferenceServer reference) : IClassFixture<ReferenceServer>
{
    [Theory]
    [InlineData("/openapi/v1.json")]
    [InlineData("/v1/openapi/v1.json")]
    public async Task The_document_lints_clean(string path) =>
        await reference.LintAsync(await reference.Server.Client.GetStringAsync(path));

    [Fact]
    public async Task The_linter_finds_what_is_missing()
    {
        var text = reference.Document.ToString().Replace("\"operationId\": \"createIntegration\"", "\"x-gone\": 1", StringComparison.Ordinal)
            .Replace("\"operationId\":\"createIntegration\"", "\"x-gone\":1", StringComparison.Ordinal);

        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => reference.LintAsync(text));

        Assert.Contains("operation-operationId", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_endpoint_with_a_role_is_an_operation_and_every_operation_an_endpoint()
    {
        var endpoints = from e in Endpoints()
                        where e.Metadata.GetMetadata<Admits>() is not null && e.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() is not { ExcludeFromDescription: true }
                        from method in e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
                        select $"{method} /{e.RoutePattern.RawText!.Trim('/')}";

        Assert.Equal(endpoints.Order(StringComparer.Ordinal), reference.Operations().Select(o => o.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_operation_says_what_it_is()
    {
        List<string> gaps = [];
        var tags = reference.Document.GetProperty("tags").EnumerateArray().ToDictionary(t => t.Text("name"), t => t.Text("description"));
        foreach (var (name, operation) in reference.Operations().Concat(reference.Webhooks()))
        {
            foreach (var member in new[] { "operationId", "summary", "description" })
                if (!operation.TryGetProperty(member, out var text) || string.IsNullOrWhiteSpace(text.GetString())) gaps.Add($"{name} has no {member} (Describe)");
            if (!operation.TryGetProperty("tags", out var its) || its.GetArrayLength() == 0) gaps.Add($"{name} has no tag");
            else gaps.AddRange(its.EnumerateArray().Where(t => !tags.ContainsKey(t.GetString()!)).Select(t => $"the tag \"{t}\" of {name} has no description (OpenApiDocuments)"));
        }

        Assert.Empty(gaps);
        var ids = reference.Operations().Concat(reference.Webhooks()).Select(o => o.Operation.Text("operationId")).ToList();
        Assert.Distinct(ids);
        Assert.All(ids, id => Assert.Matches("^[a-z][A-Za-z0-9]+$", id));
    }

    [Fact]
    public void Every_parameter_and_header_is_described_with_an_example()
    {
        List<string> gaps = [];
        foreach (var (name, operation) in reference.Operations().Concat(reference.Webhooks()))
        {
            foreach (var parameter in operation.TryGetProperty("parameters", out var all) ? all.EnumerateArray().Select(reference.Resolve) : [])
                Check($"{name}: the parameter \"{parameter.Text("name")}\"", parameter);
            foreach (var answer in operation.GetProperty("responses").EnumerateObject().Select(r => reference.Resolve(r.Value)))
                foreach (var header in answer.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().ToList() : []) Check($"{name}: the header \"{header.Name}\"", header.Value);
        }

        Assert.Empty(gaps);

        void Check(string what, JsonElement parameter)
        {
            if (!parameter.TryGetProperty("description", out _)) gaps.Add($"{what} has no description");
            if (!parameter.TryGetProperty("example", out _)) gaps.Add($"{what} has no example");
            if (!parameter.TryGetProperty("schema", out var schema) || !schema.TryGetProperty("type", out _)) gaps.Add($"{what} has no type");
        }
    }

    [Fact]
    public void Every_member_of_every_schema_is_described_with_an_example()
    {
        List<string> gaps = [];
        foreach (var schema in reference.Document.GetProperty("components").GetProperty("schemas").EnumerateObject())
        {
            if (!schema.Value.TryGetProperty("description", out _)) gaps.Add($"{schema.Name} has no <summary>");
            foreach (var member in schema.Value.TryGetProperty("properties", out var members) ? members.EnumerateObject().ToList() : [])
            {
                if (!member.Value.TryGetProperty("description", out var text) || string.IsNullOrWhiteSpace(text.GetString()))
                    gaps.Add($"{schema.Name}.{member.Name} has no <param> or <summary>");
                if (!HasExample(member.Value)) gaps.Add($"{schema.Name}.{member.Name} has no [Example]");
            }
        }

        Assert.Empty(gaps);
    }

    [Fact]
    public void No_description_shows_markup_or_names_of_our_own()
    {
        var text = reference.Document.ToString();

        foreach (var leak in new[] { "<c>", "<see", "<para", "cref", "Dispatcher.Platform", "EventReader", "\\u003C" })
            Assert.False(text.Contains(leak, StringComparison.Ordinal), $"\"{leak}\" is in the document: …{text[Math.Max(0, text.IndexOf(leak, StringComparison.Ordinal) - 80)..][..120]}");
    }

    [Fact]
    public void Every_operation_lists_the_statuses_that_it_can_answer_with_each_with_its_schema()
    {
        List<string> gaps = [];
        foreach (var (name, operation) in reference.Operations())
        {
            var answers = operation.GetProperty("responses").EnumerateObject().ToDictionary(r => r.Name, r => reference.Resolve(r.Value));
            string[] owed = ["400", "401", "403", "404", "429", "500", "503"];
            if (name.StartsWith("POST", StringComparison.Ordinal)) owed = [.. owed, "408", "409", "413", "422"];
            if (operation.TryGetProperty("requestBody", out _)) owed = [.. owed, "408", "413", "422"];
            gaps.AddRange(owed.Except(answers.Keys).Select(status => $"{name} has no {status}"));
            if (!answers.Keys.Any(status => status[0] == '2')) gaps.Add($"{name} has no success");
            foreach (var (status, answer) in answers)
            {
                if (string.IsNullOrWhiteSpace(answer.Text("description"))) gaps.Add($"{name}: {status} has no description");
                var type = status[0] == '2' ? "application/json" : "application/problem+json";
                if (status != "204" && (!answer.TryGetProperty("content", out var content) || !content.TryGetProperty(type, out var body) || !body.TryGetProperty("schema", out _) || !body.TryGetProperty("example", out _)))
                    gaps.Add($"{name}: {status} has no {type} with schema and example");
                if (status is "429" or "503" && !answer.GetProperty("headers").TryGetProperty("Retry-After", out _)) gaps.Add($"{name}: {status} has no Retry-After");
                if (status is "201" && !answer.GetProperty("headers").TryGetProperty("Location", out _)) gaps.Add($"{name}: {status} has no Location (Operation.Location)");
            }
        }

        Assert.Empty(gaps);
    }

    [Fact]
    public void Every_request_body_refuses_unknown_members_and_has_an_example()
    {
        List<string> gaps = [];
        foreach (var (name, operation) in reference.Operations().Where(o => o.Operation.TryGetProperty("requestBody", out _)))
        {
            foreach (var content in operation.GetProperty("requestBody").GetProperty("content").EnumerateObject())
            {
                if (!content.Value.TryGetProperty("example", out _) && !content.Value.TryGetProperty("examples", out _)) gaps.Add($"{name}: {content.Name} has no example");
                var schema = reference.Resolve(content.Value.GetProperty("schema"));
                if (schema.TryGetProperty("items", out var items)) schema = reference.Resolve(items);
                if (content.Name.EndsWith("json", StringComparison.Ordinal) && content.Name != "application/x-ndjson"
                    && (!schema.TryGetProperty("additionalProperties", out var others) || others.ValueKind != JsonValueKind.False)) gaps.Add($"{name}: {content.Name} takes unknown members");
            }
        }

        Assert.Empty(gaps);
    }

    [Fact]
    public void Keys_open_every_operation_and_nothing_asks_receivers_for_one()
    {
        Assert.Equal(["apiKey", "bearer"], reference.Document.GetProperty("components").GetProperty("securitySchemes").Members().Order(StringComparer.Ordinal));
        Assert.Equal(["bearer", "apiKey"], reference.Document.GetProperty("security").EnumerateArray().Select(s => s.Members().Single()));
        var anonymous = Endpoints().Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is not null).Select(e => $"/{e.RoutePattern.RawText!.Trim('/')}").ToHashSet();

        Assert.All(reference.Operations(), o => Assert.Equal(
            anonymous.Contains(o.Name.Split(' ')[1]), o.Operation.TryGetProperty("security", out var own) && own.GetArrayLength() == 0));
        Assert.All(reference.Webhooks(), w => Assert.Equal(0, w.Operation.GetProperty("security").GetArrayLength()));
    }

    [Theory]
    [InlineData("/openapi/v1.json", "")]
    [InlineData("/v1/openapi/v1.json", "/v1")]
    public async Task The_servers_entry_is_where_the_document_was_asked_for(string path, string suffix)
    {
        var document = await reference.Server.Client.CallAsync(200, $"GET {path}");

        Assert.Equal(reference.Server.Client.BaseAddress!.ToString().TrimEnd('/') + suffix, ServerOf(document));
    }

    [Fact]
    public async Task Behind_a_public_address_the_servers_entry_is_that_address()
    {
        await using var server = await TestServer.StartAsync(
            null!, new() { ["Dispatcher:PublicUrl"] = "https://hooks.example.com/dispatcher/" }, connectionString: reference.Server.ConnectionString);

        Assert.Equal("https://hooks.example.com/dispatcher", ServerOf(await server.Client.CallAsync(200, "GET /openapi/v1.json")));
        Assert.Equal("https://hooks.example.com/dispatcher/v1", ServerOf(await server.Client.CallAsync(200, "GET /v1/openapi/v1.json")));
    }

    private IEnumerable<RouteEndpoint> Endpoints() => reference.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>();

    private static string ServerOf(JsonElement document) => Assert.Single(document.GetProperty("servers").EnumerateArray()).Text("url");

    /// <summary>One of its own, or those of what it is made of, which are checked in their turn.</summary>
    private static bool HasExample(JsonElement member) =>
        member.TryGetProperty("examples", out _) || member.TryGetProperty("$ref", out _) || member.TryGetProperty("oneOf", out _)
        || (member.TryGetProperty("items", out var items) && items.TryGetProperty("$ref", out _));
}
