// "Location" under the base that was called: who reaches this server under /v1 alone finds there what it made.

namespace Dispatcher.Platform;

internal static class LocationBase
{
    /// <summary>Puts the request's path base before the path in <c>Location</c>. To stand behind <c>UsePathBase</c>.</summary>
    public static void UseLocationBase(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (context.Request.PathBase.HasValue) context.Response.OnStarting(Prepend, context);
        return next(context);
    });

    private static Task Prepend(object state)
    {
        var context = (HttpContext)state;
        var (location, pathBase) = ((string?)context.Response.Headers.Location, context.Request.PathBase.Value!);
        if (location is ['/', ..] and not ['/', '/', ..] && !location.StartsWith(pathBase + "/", StringComparison.OrdinalIgnoreCase))
            context.Response.Headers.Location = pathBase + location;
        return Task.CompletedTask;
    }
}
