// A server and the API reference that it gives.

using System.Text.Json;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Reference;

/// <summary>One server for the tests of the reference.</summary>
public sealed class ReferenceServer(PostgresFixture postgres) : IAsyncLifetime
{
    private TestServer? _server;
    private NodePackages? _packages;

    internal TestServer Server => _server!;

    internal JsonElement Document { get; private set; }

    public async ValueTask InitializeAsync()
    {
        _packages = await NodePackages.InstallAsync("Reference/Node");
        _server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        Document = await Server.Client.CallAsync(200, "GET /openapi/v1.json");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }

    /// <summary>Lints a document with the repository's rules: fails with what the linter says of it. Skips where Node is missing.</summary>
    internal async Task LintAsync(string document)
    {
        var file = Path.Combine(Path.GetTempPath(), $"dispatcher-reference-{Guid.NewGuid():N}.json");
        await File.WriteAllTextAsync(file, document);
        try
        {
            await _packages!.RunAsync(
                "", "node_modules/@stoplight/spectral-cli/dist/index.js", "lint", file,
                "--ruleset", Path.Combine(NodePackages.RepositoryRoot, ".spectral.yaml"), "--fail-severity", "warn");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Checks values against schemas of the document, each named by its JSON pointer: fails with what is wrong. Skips where Node is missing.</summary>
    internal async Task ValidateAsync(IReadOnlyList<(string Name, string At, JsonElement Value)> values)
    {
        var input = JsonSerializer.Serialize(new { document = Document, values = values.Select(v => new { at = v.At, value = v.Value }) });
        var verdicts = JsonSerializer.Deserialize<string[]>(await _packages!.RunAsync(input, "validate.mjs"))!;
        Assert.Equal(values.Count, verdicts.Length);
        Assert.Empty(values.Zip(verdicts).Where(v => v.Second != "valid").Select(v => $"{v.First.Name}: {v.Second}\n  {v.First.Value}"));
    }

    /// <summary>Every operation: "GET /events/{id}" and what the document says of it.</summary>
    internal IEnumerable<(string Name, JsonElement Operation)> Operations() =>
        from path in Document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select ($"{operation.Name.ToUpperInvariant()} {path.Name}", operation.Value);

    /// <summary>The same of the webhooks.</summary>
    internal IEnumerable<(string Name, JsonElement Operation)> Webhooks() =>
        from hook in Document.GetProperty("webhooks").EnumerateObject()
        select (hook.Name, hook.Value.GetProperty("post"));

    /// <summary>What a reference stands for; anything else as it is.</summary>
    internal JsonElement Resolve(JsonElement value)
    {
        while (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("$ref", out var reference))
            value = reference.GetString()!.Split('/').Skip(1).Aggregate(Document, (at, name) => at.GetProperty(name));
        return value;
    }

    /// <summary>A JSON pointer of these steps.</summary>
    internal static string Pointer(params string[] steps) =>
        string.Concat(steps.Select(step => "/" + Uri.EscapeDataString(step.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal))));
}
