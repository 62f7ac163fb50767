// The OpenTelemetry SDK of this server: /metrics for Prometheus always, OTLP for metrics and traces where an endpoint is configured.

using System.Diagnostics.Metrics;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Sending;
using Dispatcher.Statistics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Dispatcher.Telemetry;

/// <summary>
/// Aggregates the meters <c>Dispatcher</c>, ASP.NET Core's, Npgsql's and the runtime's. Not those of the HTTP client: its labels hold
/// every target's host, which has no bound. <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, <c>…_PROTOCOL</c>, <c>…_HEADERS</c>,
/// <c>OTEL_METRIC_EXPORT_INTERVAL</c>, <c>OTEL_TRACES_SAMPLER</c> and <c>OTEL_SERVICE_NAME</c> mean what OpenTelemetry's specification says.
/// </summary>
internal sealed class TelemetryHost : IHostedService, IDisposable
{
    public const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly Lock _scraping = new();
    private readonly PrometheusText _prometheus = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _metrics;
    private readonly TracerProvider? _traces;

    public TelemetryHost(
        IConfiguration configuration, IMeterFactory meters, EngineMeter engine, LaneSet lanes, OpenBreakers breakers, QueueGauge queue)
    {
        AddGauges(engine.Meter, lanes, breakers, queue);
        _reader = new BaseExportingMetricReader(_prometheus);
        var exports = configuration[EndpointKey] is { Length: > 0 };
        var metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(resource => Describe(resource, configuration))
            .AddMeter(EngineMeter.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", "System.Runtime")
            // Another server in the same process has instruments of the same names.
            .AddView(instrument => instrument.Meter.Scope is { } scope && scope != meters ? MetricStreamConfiguration.Drop : null)
            .AddReader(_reader);
        _metrics = (exports ? metrics.AddOtlpExporter() : metrics).Build();
        if (!exports) return;
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(configuration))
            .ConfigureResource(resource => Describe(resource, configuration))
            .AddSource(AttemptTrace.SourceName, RequestTrace.SourceName)
            .AddOtlpExporter()
            .Build();
    }

    /// <summary>All metrics as they are now, in <see cref="PrometheusText.ContentType"/>.</summary>
    public string Scrape()
    {
        lock (_scraping)
        {
            _reader.Collect();
            return _prometheus.Text;
        }
    }

    /// <summary>What is wrong with the endpoint, if one is configured.</summary>
    public static string? FaultOf(IConfiguration configuration) =>
        configuration[EndpointKey] is { Length: > 0 } endpoint && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
            ? $"{EndpointKey} must be an absolute http or https URL, not \"{endpoint}\"."
            : null;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // What the last seconds brought; a collector that is not there must not hold up the shutdown.
        const int patienceMilliseconds = 3000;
        _metrics.ForceFlush(patienceMilliseconds);
        _traces?.ForceFlush(patienceMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _traces?.Dispose();
    }

    private static void Describe(ResourceBuilder resource, IConfiguration configuration) =>
        resource.AddService(configuration["OTEL_SERVICE_NAME"] ?? "dispatcher", serviceVersion: ServerVersion.Text, serviceInstanceId: $"{Environment.MachineName}/{Environment.ProcessId}");

    private static void AddGauges(Meter meter, LaneSet lanes, OpenBreakers breakers, QueueGauge queue)
    {
        meter.CreateObservableGauge("dispatcher.memory.deliveries", () => lanes.Held, "{delivery}", "Deliveries in this node's memory");
        meter.CreateObservableGauge("dispatcher.lanes", () => lanes.Count, "{lane}", "Integrations with deliveries in this node's memory");
        meter.CreateObservableGauge("dispatcher.pumps", () => lanes.Pumps, "{pump}", "Deliveries that this node is working on");
        meter.CreateObservableGauge("dispatcher.breakers.open", () => breakers.Count, "{integration}", "Integrations to which nothing is sent, because everything failed");
        meter.CreateObservableGauge("dispatcher.queue.depth", () => Of(queue.Depth), "{delivery}", "Deliveries that wait or are under way, on all nodes; at most 100,000");
        meter.CreateObservableGauge("dispatcher.queue.oldest_due", () => Of(queue.OldestDueSeconds), "s", "For how long the oldest due delivery has been due");
    }

    private static Measurement<T>[] Of<T>(T? value) where T : struct => value is { } known ? [new Measurement<T>(known)] : [];
}
