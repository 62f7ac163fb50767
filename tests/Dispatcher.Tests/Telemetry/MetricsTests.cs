// /metrics: what Prometheus reads.

using System.Globalization;
using System.Text.RegularExpressions;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Telemetry;

public sealed partial class MetricsTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    [Fact]
    public async Task Events_attempts_and_deliveries_are_counted_by_what_became_of_them()
    {
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, n, context) =>
        {
            context.Response.StatusCode = n == 1 ? 500 : 200;
            return Task.CompletedTask;
        };
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");

        await Eventually.TrueAsync(async () => (await SamplesAsync(server)).GetValueOrDefault("dispatcher_deliveries_finished_total{status=\"succeeded\"}") == 1, "one delivery has succeeded");

        var samples = await SamplesAsync(server);
        Assert.Equal(1, samples["dispatcher_events_accepted_total"]);
        Assert.Equal(1, samples["dispatcher_deliveries_created_total"]);
        Assert.Equal(1, samples["dispatcher_attempt_duration_seconds_count{outcome=\"server_error\"}"]);
        Assert.Equal(1, samples["dispatcher_attempt_duration_seconds_count{outcome=\"succeeded\"}"]);
        Assert.Equal(0, samples["dispatcher_breakers_open"]);
        Assert.Contains("http_server_request_duration_seconds_count", string.Join('\n', samples.Keys), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_queue_is_a_gauge_of_its_depth_and_of_its_oldest_due()
    {
        await using var server = await TestServer.StartAsync(postgres);

        await Eventually.TrueAsync(async () => (await SamplesAsync(server)).ContainsKey("dispatcher_queue_depth"), "the queue has been looked at");

        Assert.Equal(0, (await SamplesAsync(server))["dispatcher_queue_oldest_due_seconds"]);
    }

    [Fact]
    public async Task Every_line_is_in_the_text_format_and_every_histogram_adds_up()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres);
        await server.RegisterAsync(receiver.Url);
        await server.PublishAsync("a.b");
        await Eventually.TrueAsync(async () => (await SamplesAsync(server)).ContainsKey("dispatcher_attempt_duration_seconds_sum{outcome=\"succeeded\"}"), "an attempt has been counted");

        using var nobody = server.ClientWith(null);
        using var answer = await nobody.GetAsync("/metrics");
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var lines = text.TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.Matches(line[0] == '#' ? Comment() : Sample(), line));
        var families = lines.Where(l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(l => l.Split(' ')[2]).ToList();
        Assert.Equal(families.Distinct(), families);
        var buckets = lines.Where(l => l.StartsWith("dispatcher_attempt_duration_seconds_bucket", StringComparison.Ordinal)).Select(ValueOf).ToList();
        Assert.Equal(17, buckets.Count);
        Assert.Equal(buckets.Order(), buckets);
        Assert.Equal(buckets[^1], ValueOf(lines.Single(l => l.StartsWith("dispatcher_attempt_duration_seconds_count", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task No_tenant_is_named_and_nothing_of_the_connection_string()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres);
        await server.Client.CallAsync(201, "POST /organizations", """{"id":"secret-customer"}""");
        await server.Client.CallAsync(201, "POST /integrations?organization=secret-customer", $$"""{"type":"webhook","events":["*"],"target":"{{receiver.Url}}"}""");
        await server.Client.CallAsync(202, "POST /events?organization=secret-customer", """{"type":"a.b","payload":{}}""");
        await Eventually.TrueAsync(async () => (await SamplesAsync(server)).GetValueOrDefault("dispatcher_deliveries_finished_total{status=\"succeeded\"}") == 1, "it is delivered");

        var text = await server.Client.GetStringAsync("/metrics");

        Assert.DoesNotContain("secret-customer", text, StringComparison.Ordinal);
        Assert.DoesNotContain("int_", text, StringComparison.Ordinal);
        // The tests' own connections, of other databases, are in this process too.
        Assert.Contains("pool_name=\"Dispatcher\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain($"Database={new NpgsqlConnectionStringBuilder(server.ConnectionString).Database};", text, StringComparison.Ordinal);
        Assert.DoesNotContain(receiver.Url.Authority, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_servers_of_one_process_count_for_themselves()
    {
        await using var one = await TestServer.StartAsync(postgres);
        await using var other = await TestServer.StartAsync(postgres);
        await one.PublishAsync("a.b");

        Assert.Equal(1, (await SamplesAsync(one))["dispatcher_events_accepted_total"]);
        Assert.False((await SamplesAsync(other)).ContainsKey("dispatcher_events_accepted_total"));
    }

    [Theory]
    [InlineData("api,worker")]
    [InlineData("worker")]
    public async Task Where_the_configuration_asks_for_a_key_it_must_be_an_operators(string roles)
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Metrics:RequireKey"] = "true", ["Dispatcher:Roles"] = roles });
        using var nobody = server.ClientWith(null);

        await nobody.CallAsync(401, "GET /metrics");
        await server.Client.GetStringAsync("/metrics");
    }

    private static async Task<Dictionary<string, double>> SamplesAsync(TestServer server) =>
        (await server.Client.GetStringAsync("/metrics")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(l => l[0] != '#').ToDictionary(l => l[..l.LastIndexOf(' ')], ValueOf);

    private static double ValueOf(string line) => double.Parse(line[(line.LastIndexOf(' ') + 1)..].Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^# (HELP [a-z_][a-zA-Z0-9_]* .*|TYPE [a-z_][a-zA-Z0-9_]* (counter|gauge|histogram))$")]
    private static partial Regex Comment();

    [GeneratedRegex("""^[a-z_][a-zA-Z0-9_]*(\{([a-z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)+\})? [-+0-9.eEInfNa]+$""")]
    private static partial Regex Sample();
}
