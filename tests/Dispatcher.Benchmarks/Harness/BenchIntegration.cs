// The integrations that a figure's events go to.
using System.Net.Http.Json;
using System.Text.Json;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>A registered integration.</summary>
/// <param name="Id">As in the database.</param>
/// <param name="EventType">The one type that it gets.</param>
/// <param name="Secret">What its POSTs are signed with.</param>
internal sealed record BenchIntegration(Guid Id, string EventType, string Secret)
{
    public const string MainType = "job.completed";

    private const string IdPrefix = "int_";

    /// <summary>Registers <paramref name="target"/> for events of a type.</summary>
    /// <remarks>As many POSTs at a time as the bare loop has workers, so that the two can be compared.</remarks>
    public static async Task<BenchIntegration> RegisterAsync(
        ServerProcess server, string eventType, Uri target, CancellationToken cancellationToken)
    {
        using var answer = await server.Api.PostAsJsonAsync(
            "/integrations",
            new { type = "webhook", events = new[] { eventType }, target = target.ToString(), max_concurrency = RawLoop.Workers },
            cancellationToken);
        var body = await answer.Content.ReadAsStringAsync(cancellationToken);
        if (!answer.IsSuccessStatusCode)
            throw new InvalidOperationException($"POST /integrations answered {(int)answer.StatusCode}: {body}");
        using var integration = JsonDocument.Parse(body);
        var id = integration.RootElement.GetProperty("id").GetString()!;
        return new BenchIntegration(
            Guid.ParseExact(id[IdPrefix.Length..], "N"), eventType, integration.RootElement.GetProperty("secret").GetString()!);
    }
}
