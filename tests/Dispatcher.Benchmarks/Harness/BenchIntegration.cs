// The one integration that a figure's events go to.
using System.Net.Http.Json;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

internal static class BenchIntegration
{
    public const string EventType = "job.completed";

    /// <summary>Registers <paramref name="target"/> and returns the secret that its POSTs are signed with.</summary>
    /// <remarks>As many POSTs at a time as the bare loop has workers, so that the two can be compared.</remarks>
    public static async Task<string> RegisterAsync(ServerProcess server, Uri target, CancellationToken cancellationToken)
    {
        using var answer = await server.Api.PostAsJsonAsync(
            "/integrations",
            new { type = "webhook", events = new[] { EventType }, target = target.ToString(), max_concurrency = RawLoop.Workers },
            cancellationToken);
        var body = await answer.Content.ReadAsStringAsync(cancellationToken);
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"POST /integrations answered {(int)answer.StatusCode}: {body}");
        using var integration = JsonDocument.Parse(body);
        return integration.RootElement.GetProperty("secret").GetString()!;
    }
}
