// Calls whose requests and answers are kept, to be compared with what the API reference says of them.

using System.Text.Json;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Api;

namespace Dispatcher.Tests.Reference;

internal sealed class ReferenceCalls(ReferenceServer reference)
{
    private readonly List<(string Name, string At, JsonElement Value)> _values = [];
    private readonly HashSet<string> _asked = [];

    /// <summary>The operations that were called.</summary>
    public IReadOnlySet<string> Asked => _asked;

    /// <summary>Calls as operator, or with another client; asserts the status, and that the reference knows it with this content type.</summary>
    public Task<JsonElement> CallAsync(int status, string call, string? body = null, HttpClient? client = null, string type = "application/json") =>
        CallAsync([status], call, body, client, type);

    /// <summary>The same where what is answered depends on how far the server has come.</summary>
    public async Task<JsonElement> CallAsync(int[] statuses, string call, string? body = null, HttpClient? client = null, string type = "application/json")
    {
        using var answer = await (client ?? reference.Server.Client).RequestAsync(call, body, type);
        var text = await answer.Content.ReadAsStringAsync();
        var status = (int)answer.StatusCode;
        Assert.True(statuses.Contains(status), $"{call}: expected {string.Join(" or ", statuses)}, got {status}: {text}");
        var (name, path, method) = Find(call);
        var operation = reference.Document.GetProperty("paths").GetProperty(path).GetProperty(method);
        Assert.True(operation.GetProperty("responses").TryGetProperty($"{status}", out var said), $"{name} has answered {status}, which the reference does not know");
        _asked.Add(name);
        if (status < 300 && body is not null && type == "application/json")
            _values.Add(($"the request of {call}", ReferenceServer.Pointer("paths", path, method, "requestBody", "content", type, "schema"), JsonElement.Parse(body)));

        foreach (var header in reference.Resolve(said).TryGetProperty("headers", out var headers) ? headers.Members() : [])
            Assert.True(header == "Idempotent-Replayed" || answer.Headers.Contains(header), $"{call} has answered {status} without {header}");
        if (text.Length == 0)
        {
            Assert.False(reference.Resolve(said).TryGetProperty("content", out _), $"{call} has answered {status} without a body");
            return default;
        }

        var at = said.TryGetProperty("$ref", out var component)
            ? component.GetString()![1..]
            : ReferenceServer.Pointer("paths", path, method, "responses", $"{status}");
        var value = JsonElement.Parse(text);
        _values.Add(($"{call}: {status}", at + ReferenceServer.Pointer("content", answer.Content.Headers.ContentType!.MediaType!, "schema"), value));
        return value;
    }

    public Task ValidateAsync() => reference.ValidateAsync(_values);

    /// <summary>The operation that a call goes to: of two paths that match, the one without parameters.</summary>
    private (string Name, string Path, string Method) Find(string call)
    {
        var (method, path) = (call.Split(' ')[0], call.Split(' ')[1].Split('?')[0]);
        var found = reference.Operations().Select(o => o.Name)
            .Where(name => name.StartsWith(method + " ", StringComparison.Ordinal))
            .Where(name => Regex.IsMatch(path, $"^{Regex.Replace(name[(method.Length + 1)..], @"\{[^}]+\}", "[^/]+")}$"))
            .MinBy(name => name.Count(c => c == '{'));
        Assert.True(found is not null, $"{call} is not in the reference");
        return (found, found[(method.Length + 1)..], method.ToLowerInvariant());
    }
}
