// A span for each API request, named by its route: paths and queries may hold what does not belong into a trace.

using System.Diagnostics;

namespace Dispatcher.Telemetry;

/// <summary>The server spans that ASP.NET Core starts, in the terms of OpenTelemetry's HTTP conventions.</summary>
internal sealed class RequestTrace(RequestDelegate next)
{
    public const string SourceName = "Microsoft.AspNetCore";

    public Task InvokeAsync(HttpContext context) =>
        Activity.Current is { IsAllDataRequested: true, Source.Name: SourceName } span ? TraceAsync(context, span) : next(context);

    private async Task TraceAsync(HttpContext context, Activity span)
    {
        await next(context);
        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? context.Request.Method : $"{context.Request.Method} {route}";
        span.SetTag("http.request.method", context.Request.Method);
        span.SetTag("http.route", route);
        span.SetTag("http.response.status_code", context.Response.StatusCode);
        span.SetTag("url.path", null);
        span.SetTag("url.query", null);
        if (context.Response.StatusCode >= 500) span.SetStatus(ActivityStatusCode.Error);
    }
}
