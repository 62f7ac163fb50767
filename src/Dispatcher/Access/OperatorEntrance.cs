// Whether a request is an operator's, for pages that others draw and that no endpoint of ours guards.

using Dispatcher.Platform;

namespace Dispatcher.Access;

/// <summary>What a request shows to be let in by.</summary>
/// <param name="Token">The key, or the token of a session.</param>
/// <param name="IsCookie">Whether a browser sends it of its own accord, also for another site's page.</param>
internal readonly record struct OperatorCredential(string Token, bool IsCookie);

internal static class OperatorEntrance
{
    /// <summary>A key in either header, else the cookie of who has signed in to the dashboard; null: nothing.</summary>
    public static OperatorCredential? CredentialOf(HttpRequest request)
    {
        // What the cookie holds is no key, and in a header it is nothing.
        if (AccessMiddleware.Presented(request) is { } key) return OperatorToken.HasForm(key) ? null : new(key, IsCookie: false);
        return request.Cookies[OperatorToken.Cookie] is { } token && OperatorToken.HasForm(token) ? new(token, IsCookie: true) : null;
    }

    /// <summary>Who calls, where that is an operator; else null. Guesses count as they do everywhere.</summary>
    /// <exception cref="ProblemException">Too many wrong keys came from the same address, or too many requests with this one.</exception>
    public static async ValueTask<Caller?> FindAsync(HttpContext context)
    {
        if (CredentialOf(context.Request) is not { Token: var token }) return null;
        var keys = context.RequestServices.GetRequiredService<KeyRing>();
        var failed = context.RequestServices.GetRequiredService<FailedKeys>();
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(token)) failed.Admit(from);
        if (await keys.FindAsync(token, context.RequestAborted) is not { } caller)
        {
            failed.Count(from);
            return null;
        }

        context.RequestServices.GetRequiredService<KeyLimits>().Admit(caller);
        return caller.Role == Role.Operator ? caller : null;
    }
}
