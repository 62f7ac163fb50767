// /metrics: Prometheus text, of this node. It shows no tenant's data and needs no key, unless the configuration asks for one.

using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Authorization;

namespace Dispatcher.Telemetry;

internal static class MetricsApi
{
    public static void MapMetrics(this IEndpointRouteBuilder app, DispatcherOptions options)
    {
        var metrics = app.MapGet("/metrics", (TelemetryHost telemetry) => TypedResults.Text(telemetry.Scrape(), PrometheusText.ContentType))
            .ExcludeFromDescription();
        if (options.Metrics.RequireKey) metrics.WithMetadata(Admits.Operators);
        else metrics.WithMetadata(new AllowAnonymousAttribute());
    }
}
