// Before every page of the portal: who has come, and what browsers may do with what they get.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Portal;

/// <summary>Lets a session's cookie in, gives every answer below /portal its security headers, and says in a page what goes wrong.</summary>
internal sealed class PortalMiddleware(RequestDelegate next, PortalEntrance entrance, DispatcherOptions options)
{
    // Nothing but our own files, no script, no inline style: markup that slipped through could do nothing.
    private readonly string _policy =
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
        + string.Join(' ', options.Portal.AllowedOrigins.Prepend("'self'"));

    public Task InvokeAsync(HttpContext context) =>
        context.Request.Path.StartsWithSegments(PortalPages.Path, StringComparison.OrdinalIgnoreCase) ? ShowAsync(context) : next(context);

    private async Task ShowAsync(HttpContext context)
    {
        context.Response.OnStarting(AddHeaders, context);
        try
        {
            if (context.GetEndpoint()?.Metadata.GetMetadata<NeedsPortalSession>() is not null && await FindGapAsync(context) is { } gap)
                await gap.ToResult(context, options).ExecuteAsync(context);
            else
                await next(context);
        }
        catch (ProblemException e) when (!context.Response.HasStarted)
        {
            ProblemMiddleware.SetRetryAfter(context.Response, e.RetryAfter);
            await Notice.OfProblem(e.Problem).ToResult(context, options).ExecuteAsync(context);
        }
        catch (Exception e) when (StoreFault.IsUnavailable(e) && !context.Response.HasStarted)
        {
            context.Response.Headers.RetryAfter = "1";
            await Notice.OfProblem(Problem.Unavailable("This server cannot reach its database. Try again in a moment.")).ToResult(context, options).ExecuteAsync(context);
        }
    }

    /// <summary>Finds the session of the cookie; null when there is one, else what to tell.</summary>
    private async Task<Notice?> FindGapAsync(HttpContext context)
    {
        if (PortalCookie.Read(context) is not { } token) return Notice.NoSession;
        var found = await entrance.FindAsync(context, token);
        if (found is not { IsLive: true, Caller: var caller }) return Notice.OfSession(found);
        context.Features.Set(caller);
        context.Features.Set(new Tenant(caller.Organization!, caller.Project));
        context.Features.Set(new PortalView(
            PublicAddress.PathOf(context.Request, options) + PortalPages.Path, PublicAddress.RootOf(context.Request, options),
            caller.Organization!, caller.Project, caller.Role == Role.Member, found.ExpiresAt));
        return null;
    }

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
