// The bounds that the API reference shows are those that the server keeps: what lies beyond one is refused by name, and each example is taken.

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Api;

namespace Dispatcher.Tests.Reference;

public sealed class BoundsTests(ReferenceServer reference) : IClassFixture<ReferenceServer>
{
    [Theory]
    [InlineData("POST /organizations", "{}")]
    [InlineData("PATCH /organizations/{id}", "{}", "default")]
    [InlineData("POST /projects", "{}")]
    [InlineData("POST /api-keys", """{"role":"member"}""")]
    [InlineData("POST /integrations", Integration)]
    [InlineData("PUT /integrations/{id}", Integration, "int")]
    [InlineData("PATCH /integrations/{id}", "{}", "int")]
    [InlineData("POST /integrations/{id}/secret/rotate", """{"grace_seconds":0}""", "int")]
    [InlineData("POST /integrations/{id}/test", """{"event":"document_predict"}""", "int")]
    [InlineData("POST /integrations/{id}/recover", """{"since":"2023-10-01T12:00:00Z"}""", "int")]
    [InlineData("POST /integrations/{id}/replay", """{"since":"2023-10-01T12:00:00Z"}""", "int")]
    [InlineData("POST /deliveries/bulk", """{"action":"retry","filter":{}}""")]
    [InlineData("POST /events", """{"type":"a.b","payload":{}}""")]
    [InlineData("POST /event-types", """{"name":"a.b"}""")]
    [InlineData("PUT /event-types/{name}", "{}", "invoice.paid")]
    [InlineData("POST /jobs", """{"kind":"parse"}""")]
    [InlineData("PATCH /jobs/{id}", """{"status":"processing"}""", "bounds")]
    public async Task What_lies_beyond_a_bound_of_a_body_is_refused_by_name(string operation, string body, string? id = null)
    {
        var call = await PrepareAsync(operation, id);
        var schema = Node(reference.Operations().Single(o => o.Name == operation).Operation)["requestBody"]!["content"]!["application/json"]!["schema"]!;
        List<string> gaps = [];

        await ProbeAsync(schema, [], async (path, value) =>
        {
            using var answer = await reference.Server.Client.RequestAsync(call, With(body, path, value));
            var text = await answer.Content.ReadAsStringAsync();
            if ((int)answer.StatusCode != 422 || !JsonNode.Parse(text)!["errors"]!.AsObject().Any(e => e.Key.Contains(path[^1], StringComparison.Ordinal)))
                gaps.Add($"{string.Join('.', path)} = {Short(value?.ToJsonString() ?? "absent")}: {(int)answer.StatusCode} {Short(text)}");
        }, async (path, example) =>
        {
            using var answer = await reference.Server.Client.RequestAsync(call, With(body, path, example));
            if ((int)answer.StatusCode is 422 or >= 500) gaps.Add($"the example of {string.Join('.', path)}: {Short(await answer.Content.ReadAsStringAsync())}");
        });

        Assert.Empty(gaps);
    }

    [Fact]
    public async Task What_lies_beyond_a_bound_of_the_query_is_refused_by_name()
    {
        var integration = await PrepareAsync("{id}", "int");
        List<string> gaps = [];
        foreach (var (name, operation) in reference.Operations())
        {
            var call = name.Replace("{id}", integration, StringComparison.Ordinal);
            if (!operation.TryGetProperty("parameters", out var parameters)) continue;
            foreach (var parameter in parameters.EnumerateArray().Where(p => p.Text("in") == "query" && p.Text("name") != "organization"))
            {
                var (member, schema) = (parameter.Text("name"), Node(parameter.GetProperty("schema")));
                foreach (var value in Beyond(schema).Where(v => v is JsonValue && v.ToString().Length > 0))
                {
                    using var answer = await reference.Server.Client.RequestAsync($"{call}?{member}={Uri.EscapeDataString(value!.ToString())}");
                    var text = await answer.Content.ReadAsStringAsync();
                    if ((int)answer.StatusCode != 422 || !text.Contains($"\"{member}\":[", StringComparison.Ordinal)) gaps.Add($"{call}?{member}={Short(value.ToString())}: {(int)answer.StatusCode} {Short(text)}");
                }

                // A cursor is one list's own.
                if (member == "cursor") continue;
                using var taken = await reference.Server.Client.RequestAsync($"{call}?{member}={Uri.EscapeDataString(parameter.GetProperty("example").ToString())}");
                if ((int)taken.StatusCode != 200 && !(member == "since" && call.Contains("/stats", StringComparison.Ordinal))) gaps.Add($"{call}?{member}=(its example): {(int)taken.StatusCode}");
            }
        }

        Assert.Empty(gaps);
    }

    private const string Integration = """{"type":"webhook","events":["none.such"],"target":"http://127.0.0.1:9/hook"}""";

    /// <summary>A call to something that is there.</summary>
    private async Task<string> PrepareAsync(string operation, string? id)
    {
        if (id == "int") id = (await reference.Server.Client.CallAsync(201, "POST /integrations", Integration)).Text("id");
        if (id == "bounds") await reference.Server.Client.CallAsync(201, "POST /jobs", """{"kind":"parse","id":"bounds"}""");
        if (id == "invoice.paid") await reference.Server.Client.RequestAsync("POST /event-types", """{"name":"invoice.paid"}""");
        return Regex.Replace(operation, @"\{\w+\}", id ?? "");
    }

    /// <summary>Hands over each member with each value that its schema refuses, and then with its example.</summary>
    private async Task ProbeAsync(JsonNode schema, string[] path, Func<string[], JsonNode?, Task> refuse, Func<string[], JsonNode, Task> take)
    {
        schema = Resolve(schema);
        await refuse([.. path, "no_such_member"], 1);
        foreach (var required in schema["required"]?.AsArray().Select(r => r!.GetValue<string>()) ?? []) await refuse([.. path, required], null);
        foreach (var (name, member) in schema["properties"]!.AsObject())
        {
            string[] at = [.. path, name];
            var inner = Resolve(member!["oneOf"] is JsonArray choices ? choices.Single(c => c!["type"]?.ToString() != "null")! : member);
            if (inner["properties"] is not null)
            {
                await ProbeAsync(inner, at, refuse, take);
                continue;
            }

            foreach (var value in Beyond(inner)) await refuse(at, value);
            await take(at, inner["examples"]![0]!);
        }
    }

    private static IEnumerable<JsonNode?> Beyond(JsonNode schema)
    {
        var types = schema["type"] switch { JsonArray several => several.Select(t => t!.ToString()).ToList(), null => [], var one => [one.ToString()] };
        var example = schema["examples"]?[0];
        if (types.Count > 0) yield return types.Contains("array") ? new JsonObject() : new JsonArray();
        if (schema["maximum"] is { } maximum) yield return maximum.GetValue<double>() + 1;
        if (schema["minimum"] is { } minimum) yield return minimum.GetValue<double>() - 1;
        if (schema["exclusiveMinimum"] is { } above) yield return above.GetValue<double>();
        if (schema["maxLength"] is { } longest) yield return new string('a', longest.GetValue<int>() + 1);
        if (schema["minLength"]?.GetValue<int>() > 0) yield return "";
        if (schema["enum"] is not null) yield return types.Contains("string") ? "no-such-value" : 4242;
        if (schema["format"]?.ToString() == "date-time") yield return "yesterday";
        if (types.Contains("integer")) yield return "many";
        if (schema["pattern"] is { } pattern) yield return new[] { "not ok", ":" }.First(text => !Regex.IsMatch(text, pattern.ToString()));
        if (schema["minItems"]?.GetValue<int>() > 0) yield return new JsonArray();
        if (schema["maxItems"] is { } most) yield return new JsonArray([.. Enumerable.Range(0, most.GetValue<int>() + 1).Select(_ => example![0]!.DeepClone())]);
        if (schema["maxProperties"] is { } largest) yield return new JsonObject(Enumerable.Range(0, largest.GetValue<int>() + 1).Select(i => KeyValuePair.Create($"X-{i}", (JsonNode?)"a")));
    }

    /// <summary>The body with a member set, or taken away.</summary>
    private static string With(string body, string[] path, JsonNode? value)
    {
        var root = JsonNode.Parse(body)!.AsObject();
        var at = root;
        foreach (var step in path[..^1])
        {
            if (at[step] is null) at[step] = step == "basic_auth" ? new JsonObject { ["username"] = "a", ["password"] = "b" } : new JsonObject();
            at = at[step]!.AsObject();
        }

        if (value is null) at.Remove(path[^1]);
        else at[path[^1]] = value.DeepClone();
        return root.ToJsonString();
    }

    private JsonNode Resolve(JsonNode schema) => schema["$ref"] is null ? schema : Node(reference.Resolve(System.Text.Json.JsonElement.Parse(schema.ToJsonString())));

    private static JsonNode Node(System.Text.Json.JsonElement element) => JsonNode.Parse(element.GetRawText())!;

    private static string Short(string text) => text.Length <= 160 ? text : text[..160] + "…";
}
