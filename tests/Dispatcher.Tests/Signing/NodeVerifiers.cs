// The npm packages that receivers verify webhooks with, run in Node.

using System.Text.Json;
using Dispatcher.Tests.Support;
using Xunit;

namespace Dispatcher.Tests.Signing;

/// <summary>The packages pinned in Node/package-lock.json, and verify.mjs, which runs them.</summary>
public sealed class NodeVerifiers : IAsyncLifetime
{
    private NodePackages? _packages;

    public async ValueTask InitializeAsync() => _packages = await NodePackages.InstallAsync("Node");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>
    /// For each webhook <c>verified</c>, or the message with which the library refuses it. Skips the test where Node is missing.
    /// </summary>
    internal async Task<string[]> VerifyAsync(params ReceivedSignature[] webhooks)
    {
        var output = await _packages!.RunAsync(JsonSerializer.Serialize(webhooks, JsonSerializerOptions.Web), "verify.mjs");
        return JsonSerializer.Deserialize<string[]>(output)!;
    }
}

/// <summary>A webhook as it was received, for a library to verify.</summary>
internal sealed record ReceivedSignature(string Library, string Secret, IReadOnlyDictionary<string, string> Headers, byte[] Body);
