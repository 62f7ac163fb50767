// A server under test whose deliveries Hangfire's workers have sent.

using System.Net;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Hangfire;

internal static class HangfireServer
{
    public const string SucceededJobs = "SELECT count(*) FROM hangfire.job WHERE statename = 'Succeeded'";

    public static Task<TestServer> StartAsync(PostgresFixture postgres, Dictionary<string, string?>? settings = null, string? connectionString = null) =>
        TestServer.StartAsync(postgres, new(settings ?? []) { ["Dispatcher:Host"] = Hosts.Hangfire }, connectionString: connectionString);

    /// <summary>Publishes so many events as one batch.</summary>
    public static async Task PublishAsync(TestServer server, int count, string organization = "default")
    {
        var batch = "[" + string.Join(",", Enumerable.Range(0, count).Select(i => $$$"""{"type":"a.b","payload":{"n":{{{i}}}}}""")) + "]";
        using var answer = await server.Client.PostAsync($"/events/batch?organization={organization}", TestServer.Json(batch));
        await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
    }

    /// <summary>A page of the dashboard, as operator.</summary>
    public static async Task<string> PageAsync(TestServer server, string path)
    {
        using var answer = await server.Client.GetAsync("/hangfire" + path);
        var html = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{(int)answer.StatusCode}: {html}");
        Assert.Equal("text/html", answer.Content.Headers.ContentType?.MediaType);
        return html;
    }
}
