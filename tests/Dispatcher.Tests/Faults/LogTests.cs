// What a run leaves on the terminal: one line for each failed attempt, none for a success, and no secret at any level.

using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class LogTests(PostgresFixture postgres)
{
    [Fact]
    public async Task No_secret_is_in_what_a_server_writes_even_at_Debug_and_with_failing_deliveries()
    {
        const string header = "header-value-c0ffee";
        const string password = "password-beef";
        const string payload = "payload-cafe";
        var signing = "whsec_" + Convert.ToBase64String(Encoding.ASCII.GetBytes("a secret of the log tests"));
        await using var failing = await Receiver.StartAsync(500);
        await using var gone = await Receiver.StartAsync(410);
        var refusing = new Uri("http://127.0.0.1:1/hook");
        await using var server = await ServerProcess.StartAsync(
            await postgres.CreateDatabaseAsync(),
            ("Serilog__MinimumLevel__Default", "Debug"), ("Serilog__MinimumLevel__Override__Microsoft", "Debug"),
            ("Serilog__MinimumLevel__Override__Npgsql", "Debug"), ("Serilog__MinimumLevel__Override__System.Net.Http", "Debug"),
            ("Dispatcher__Retry__BaseSeconds", "0.01"), ("Dispatcher__Retry__MaxAttempts", "3"));
        using var made = await server.Client.PostAsJsonAsync("/api-keys", new { role = "admin", organization = "default" });
        var apiKey = (await TestServer.ReadAsync(made, HttpStatusCode.Created)).GetProperty("key").GetString()!;
        using var client = new HttpClient { BaseAddress = server.Client.BaseAddress };
        client.DefaultRequestHeaders.Add("x-api-key", apiKey);

        var shown = "";
        foreach (var target in new[] { failing.Url, gone.Url, refusing })
        {
            var integration = await server.RegisterAsync(target, new { headers = new Dictionary<string, string> { ["x-token"] = header } }, "a.b");
            shown = integration.GetProperty("secret").GetString()!;
            using var rotated = await client.PostAsJsonAsync(
                $"/integrations/{integration.GetProperty("id").GetString()}/secret/rotate", new { grace_seconds = 600, secret = signing });
            await TestServer.ReadAsync(rotated, HttpStatusCode.OK);
        }

        await server.RegisterAsync(failing.Url, new { basic_auth = new { username = "somebody", password } }, "a.b");
        using (var refused = await client.PostAsJsonAsync("/integrations", new { type = "webhook", events = new[] { "*" }, target = $"http://u:{password}@127.0.0.1/" }))
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.StatusCode);
        await server.PublishAsync("a.b", new JsonObject { ["is"] = payload });
        await failing.WaitForAsync(6);
        using var linked = await client.PostAsync("/webhook", null);
        var link = (await TestServer.ReadAsync(linked, HttpStatusCode.OK)).GetProperty("link").GetString()!;
        using (var page = await server.Client.GetAsync(link)) Assert.Equal("/portal", page.RequestMessage!.RequestUri!.AbsolutePath);
        using (var unknown = await server.Client.GetAsync(link[..^1])) Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        await server.TerminateAsync();

        var written = server.Output + server.Error;
        Assert.Contains("failed", written, StringComparison.Ordinal);
        Assert.Contains("\"Debug\"", written, StringComparison.Ordinal);
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"somebody:{password}"));
        var token = link[(link.LastIndexOf('/') + 1)..^1];
        foreach (var secret in new[] { token, TestServer.OperatorKey, apiKey, signing, signing[6..], shown, shown[6..], header, password, basic, payload })
            Assert.DoesNotContain(secret, written, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_failed_attempt_writes_one_line_and_a_success_writes_none()
    {
        await using var failing = await Receiver.StartAsync(500);
        await using var healthy = await Receiver.StartAsync();
        var database = await postgres.CreateDatabaseAsync();
        await using var server = await ServerProcess.StartAsync(
            database, ("Dispatcher__Retry__BaseSeconds", "0.01"), ("Dispatcher__Retry__MaxAttempts", "3"));
        await server.RegisterAsync(failing.Url, null, "fails");
        await server.RegisterAsync(healthy.Url, null, "works");
        var failed = await server.PublishAsync("fails", []);
        var worked = await server.PublishAsync("works", []);
        await failing.WaitForAsync(3);
        await healthy.WaitForAsync(1);
        var records = new Records(database);
        await Eventually.TrueAsync(async () => await records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.queue") == 0, "all is recorded");
        await server.TerminateAsync();

        async Task<int> LinesAboutAsync(string eventId)
        {
            var delivery = await records.ScalarAsync<string>(
                $"SELECT 'dlv_' || replace(id::text, '-', '') FROM dispatcher.delivery WHERE 'evt_' || replace(event_id::text, '-', '') = '{eventId}'");
            return (server.Output + server.Error).Split('\n').Count(line => line.Contains(delivery, StringComparison.Ordinal) || line.Contains(eventId, StringComparison.Ordinal));
        }

        Assert.Equal(3, await LinesAboutAsync(failed));
        Assert.Equal(0, await LinesAboutAsync(worked));
    }
}
