// OTLP: metrics and spans arrive at a collector, in the form of its HTTP protocol.

using System.Collections.Concurrent;
using System.Text;
using Dispatcher.Platform;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dispatcher.Tests.Telemetry;

public sealed class OtlpTests(PostgresFixture postgres) : IClassFixture<PostgresFixture>
{
    [Fact]
    public async Task A_collector_gets_metrics_and_a_span_for_each_request_and_each_attempt_without_secrets()
    {
        await using var collector = await Collector.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        await using (var server = await TestServer.StartAsync(postgres, new()
        {
            [Dispatcher.Telemetry.TelemetryHost.EndpointKey] = collector.Url,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_SERVICE_NAME"] = "webhooks-of-the-tests",
        }))
        {
            await server.RegisterAsync(new Uri($"{receiver.Url}?token=in-the-target"), new { headers = new { Authorization = "in-the-header" } });
            var published = await server.PublishAsync("invoice.scanned");
            await receiver.WaitForAsync(1);
            await server.GetAsync($"/events/{published.Text("id")}?organization=default");
            // Refusals have spans of the same kind.
            await server.Client.RefusalAsync(404, "GET /deliveries/dlv_unknown?q=in-the-query");
            // Stopping the server sends what it still has.
        }

        var traces = collector.TextOf("/v1/traces");
        Assert.Contains("webhooks-of-the-tests", traces, StringComparison.Ordinal);
        Assert.Contains("POST invoice.scanned", traces, StringComparison.Ordinal);
        Assert.Contains("dispatcher.outcome", traces, StringComparison.Ordinal);
        Assert.Contains("GET /events/{id}", traces, StringComparison.Ordinal);
        Assert.Contains("GET /deliveries/{id}", traces, StringComparison.Ordinal);
        Assert.Contains("dispatcher.events.accepted", collector.TextOf("/v1/metrics"), StringComparison.Ordinal);
        foreach (var secret in new[] { "in-the-target", "in-the-header", "in-the-query", "dlv_unknown", TestServer.OperatorKey, "organization=default" })
            Assert.DoesNotContain(secret, traces, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_collector_that_is_not_there_stops_nothing()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            [Dispatcher.Telemetry.TelemetryHost.EndpointKey] = "http://127.0.0.1:1",
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        });
        await server.RegisterAsync(receiver.Url);

        await server.PublishAsync("a.b");

        await receiver.WaitForAsync(1);
    }

    [Fact]
    public async Task An_endpoint_that_is_no_url_is_refused_by_its_name()
    {
        var fault = await Assert.ThrowsAsync<ConfigurationException>(() =>
            TestServer.StartAsync(postgres, new() { [Dispatcher.Telemetry.TelemetryHost.EndpointKey] = "collector:4317" }));

        Assert.Contains("OTEL_EXPORTER_OTLP_ENDPOINT", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>Takes whatever is exported to it and answers 200. Protocol buffers keep text as it is, so it can be searched.</summary>
    private sealed class Collector : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly ConcurrentQueue<(string Path, string Text)> _got = new();

        private Collector(WebApplication app) => _app = app;

        public string Url => _app.Urls.First();

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var collector = new Collector(builder.Build());
            collector._app.Run(async context =>
            {
                using var body = new MemoryStream();
                await context.Request.Body.CopyToAsync(body);
                collector._got.Enqueue((context.Request.Path, Encoding.Latin1.GetString(body.ToArray())));
                context.Response.ContentType = "application/x-protobuf";
            });
            await collector._app.StartAsync();
            return collector;
        }

        public string TextOf(string path) => string.Join('\n', _got.Where(g => g.Path == path).Select(g => g.Text));

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }
}
