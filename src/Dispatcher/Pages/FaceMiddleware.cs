// Before every page of a face: who has come, and what browsers may do with what they get.

using Dispatcher.Platform;

namespace Dispatcher.Pages;

/// <summary>Lets sessions in, gives every answer below the face's path its security headers, and says in a page what goes wrong.</summary>
internal sealed class FaceMiddleware(RequestDelegate next, Face face)
{
    // Nothing but our own files, no inline script or style: markup that slipped through could do nothing.
    private readonly string _policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
        + string.Join(' ', face.FrameAncestors.Prepend("'self'"));

    public Task InvokeAsync(HttpContext context) =>
        context.Request.Path.StartsWithSegments(face.Path, StringComparison.OrdinalIgnoreCase) ? ShowAsync(context) : next(context);

    private async Task ShowAsync(HttpContext context)
    {
        context.Response.OnStarting(AddHeaders, context);
        context.Features.Set(face);
        context.Features.Set(face.ViewOfAnybody(context));
        try
        {
            if (context.GetEndpoint() is null) await SayAsync(context, Problem.NotFound("There is no such page."));
            else if (context.GetEndpoint()?.Metadata.GetMetadata<NeedsSession>() is not null && await face.AdmitAsync(context) is { } instead)
                await instead.ExecuteAsync(context);
            else
                await next(context);
        }
        catch (ProblemException e) when (!context.Response.HasStarted)
        {
            ProblemMiddleware.SetRetryAfter(context.Response, e.RetryAfter);
            await SayAsync(context, e.Problem);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) && !context.Response.HasStarted)
        {
            context.Response.Headers.RetryAfter = "1";
            await SayAsync(context, Problem.Unavailable("This server cannot reach its database. Try again in a moment."));
        }
    }

    private static Task SayAsync(HttpContext context, Problem problem) => Notice.OfProblem(problem).ToResult().ExecuteAsync(context);

    private Task AddHeaders(object state)
    {
        var headers = ((HttpContext)state).Response.Headers;
        headers.ContentSecurityPolicy = _policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        // Files of ours may be kept, and are asked for again by their tag; pages may not.
        headers.CacheControl = headers.ETag.Count > 0 ? "no-cache" : "no-store";
        return Task.CompletedTask;
    }
}
