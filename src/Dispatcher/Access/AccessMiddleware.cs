// Finds the key of a request, asks whether the endpoint admits its role, and settles which organization the request is about.

using Dispatcher.Platform;
using Microsoft.AspNetCore.Authorization;

namespace Dispatcher.Access;

/// <summary>The roles that an endpoint admits, as endpoint metadata. An endpoint must carry either this or <see cref="AllowAnonymousAttribute"/>.</summary>
internal sealed record Admits(params Role[] Roles)
{
    /// <summary>Whoever may read a tenant's resources.</summary>
    public static readonly Admits Readers = new(Role.Operator, Role.Admin, Role.Member);

    /// <summary>Whoever may change a tenant's resources.</summary>
    public static readonly Admits Writers = new(Role.Operator, Role.Admin);

    /// <summary>Whoever may publish events and move jobs.</summary>
    public static readonly Admits Emitters = new(Role.Operator, Role.Admin, Role.Emitter);

    public static readonly Admits Operators = new(Role.Operator);
}

/// <summary>Endpoint metadata: keys only. What makes further credentials, or ends them, is not for a session that is given away in a link.</summary>
internal sealed record RefusesPortalSessions
{
    public static readonly RefusesPortalSessions Instance = new();
}

internal sealed class AccessMiddleware(RequestDelegate next, KeyRing keys, KeyLimits limits, FailedKeys failed)
{
    public Task InvokeAsync(HttpContext context)
    {
        var endpoint = context.GetEndpoint();
        // Not of a route: routing's own answer to a method that the path does not take, which is nobody's secret.
        if (endpoint is not RouteEndpoint || endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null) return next(context);
        return AdmitAsync(context, endpoint);
    }

    private async Task AdmitAsync(HttpContext context, Endpoint endpoint)
    {
        var presented = Presented(context.Request)
            ?? throw Problem.Unauthenticated("Send a key as \"Authorization: Bearer <key>\" or \"x-api-key: <key>\".").AsException();
        // What an operator's cookie holds is no key: whoever got hold of it can use it in no script.
        var isKey = !OperatorToken.HasForm(presented) || context.Features.Get<CookieCredential>() is not null;
        var caller = (isKey ? keys.Recall(presented) : null) ?? await FindAsync(context, isKey ? presented : "");
        limits.Admit(caller);

        // An endpoint that forgot to say whom it admits admits operators only.
        var admits = endpoint.Metadata.GetMetadata<Admits>() ?? Admits.Operators;
        if (!admits.Roles.Contains(caller.Role))
            throw Problem.Forbidden($"A key of role {caller.Role.ToString().ToLowerInvariant()} may not do this.").AsException();

        if (caller.Kind == CallerKind.PortalSession && endpoint.Metadata.GetMetadata<RefusesPortalSessions>() is not null)
            throw Problem.Forbidden("A portal session may not do this; use an API key.").AsException();

        context.Features.Set(caller);
        context.Features.Set(await keys.TenantOfAsync(context, caller));
        await next(context);
    }

    private async Task<Caller> FindAsync(HttpContext context, string presented)
    {
        // Somebody who guesses behind the same address as others must not shut them out: their keys have worked before.
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(presented)) failed.Admit(from);
        if (await keys.FindAsync(presented, context.RequestAborted) is { } caller) return caller;
        failed.Count(from);
        throw Problem.Unauthenticated("The key is unknown, revoked or expired.").AsException();
    }

    /// <summary>The key that a request presents, in either header, or in a cookie where those count; null: none.</summary>
    public static string? Presented(HttpRequest request)
    {
        if (request.HttpContext.Features.Get<CookieCredential>() is { } cookie) return cookie.Token;
        const string scheme = "Bearer ";
        string? authorization = request.Headers.Authorization;
        if (authorization is not null && authorization.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            return authorization[scheme.Length..].Trim();
        string? key = request.Headers["x-api-key"];
        return string.IsNullOrWhiteSpace(key) ? null : key.Trim();
    }
}
