// HEAD wherever there is GET (RFC 9110, 9.1): what watches over servers asks health checks by it.

namespace Dispatcher.Platform;

internal static class HeadRequests
{
    /// <summary>Has a HEAD request handled as GET. To stand before UsePathBase, which routes anew; the web server itself leaves the body away.</summary>
    public static void UseHead(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        if (HttpMethods.IsHead(context.Request.Method)) context.Request.Method = HttpMethods.Get;
        return next(context);
    });
}
