// Calls written as the contract writes them ("POST /events"), and what is asked of every answer.

using System.Net;
using System.Text;
using System.Text.Json;

namespace Dispatcher.Tests.Api;

internal static class Http
{
    /// <summary>Sends a request such as <c>"PATCH /jobs/a"</c>.</summary>
    public static Task<HttpResponseMessage> RequestAsync(
        this HttpClient client, string call, string? body = null, string type = "application/json", string? idempotencyKey = null) =>
        client.RequestAsync(call, body is null ? null : Encoding.UTF8.GetBytes(body), type, idempotencyKey);

    public static async Task<HttpResponseMessage> RequestAsync(
        this HttpClient client, string call, byte[]? body, string type = "application/json", string? idempotencyKey = null)
    {
        var space = call.IndexOf(' ', StringComparison.Ordinal);
        using var request = new HttpRequestMessage(new HttpMethod(call[..space]), call[(space + 1)..]);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (idempotencyKey is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        return await client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    /// <summary>Sends a request that must be answered with this status; gives the answer's JSON.</summary>
    public static async Task<JsonElement> CallAsync(this HttpClient client, int status, string call, string? body = null, string type = "application/json")
    {
        using var answer = await client.RequestAsync(call, body, type);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{call}: expected {status}, got {(int)answer.StatusCode}: {text}");
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }

    /// <summary>Sends a request that must be refused with this status; for 422, naming exactly these members.</summary>
    public static async Task<JsonElement> RefusalAsync(this HttpClient client, int status, string call, string? body = null, params string[] members)
    {
        using var answer = await client.RequestAsync(call, body);
        return await answer.RefusalAsync(status, members);
    }

    /// <summary>Asserts all that the contract says of a refusal: status, media type, members, and nothing of the server's inside.</summary>
    public static async Task<JsonElement> RefusalAsync(this HttpResponseMessage answer, int status, params string[] members)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{answer.RequestMessage}: expected {status}, got {(int)answer.StatusCode}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonElement.Parse(text);
        AssertProblem(problem, status, members);
        if (answer.StatusCode == HttpStatusCode.Unauthorized) Assert.Equal("Bearer", Assert.Single(answer.Headers.WwwAuthenticate).Scheme);
        return problem;
    }

    /// <summary>Asserts a problem's members, in an answer of its own or in an item of a batch.</summary>
    public static void AssertProblem(JsonElement problem, int status, params string[] members)
    {
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        Assert.False(string.IsNullOrWhiteSpace(problem.Text("title")));
        Assert.False(string.IsNullOrWhiteSpace(problem.Text("detail")));
        Assert.DoesNotContain("Exception", problem.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", problem.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(".cs:line", problem.ToString(), StringComparison.Ordinal);
        if (status != 422)
        {
            Assert.False(problem.TryGetProperty("errors", out _), $"only a 422 has errors: {problem}");
            return;
        }

        var named = problem.GetProperty("errors").EnumerateObject().ToDictionary(e => e.Name, e => e.Value);
        Assert.All(named.Values, messages => Assert.All(messages.EnumerateArray(), m => Assert.NotEqual("", m.GetString())));
        Assert.NotEmpty(named);
        if (members.Length > 0) Assert.Equal(members.Order(StringComparer.Ordinal), named.Keys.Order(StringComparer.Ordinal));
    }

    public static string Text(this JsonElement json, string member) => json.GetProperty(member).GetString()!;

    public static List<JsonElement> Data(this JsonElement page) => [.. page.GetProperty("data").EnumerateArray()];

    /// <summary>Asserts that JSON is the same, whatever its spelling and the order of its members.</summary>
    public static void AssertJson(string expected, JsonElement actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), actual), $"expected {expected}\n     got {actual}");

    public static string[] Members(this JsonElement json) => [.. json.EnumerateObject().Select(m => m.Name)];
}
