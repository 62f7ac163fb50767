// Whether a request is an operator's, for pages that others draw and that no endpoint of ours guards.

using Dispatcher.Platform;

namespace Dispatcher.Access;

internal static class OperatorEntrance
{
    /// <summary>
    /// What the request shows to be let in by; null: nothing. Only whoever has it knows it, so that what is derived from it proves that a
    /// form came from a page that was drawn for them.
    /// </summary>
    public static string? CredentialOf(HttpRequest request) => AccessMiddleware.Presented(request);

    /// <summary>Who calls, where that is an operator; else null. Guesses count as they do everywhere.</summary>
    /// <exception cref="ProblemException">Too many wrong keys came from the same address, or too many requests with this one.</exception>
    public static async ValueTask<Caller?> FindAsync(HttpContext context)
    {
        if (CredentialOf(context.Request) is not { } credential) return null;
        var keys = context.RequestServices.GetRequiredService<KeyRing>();
        var failed = context.RequestServices.GetRequiredService<FailedKeys>();
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(credential)) failed.Admit(from);
        if (await keys.FindAsync(credential, context.RequestAborted) is not { } caller)
        {
            failed.Count(from);
            return null;
        }

        context.RequestServices.GetRequiredService<KeyLimits>().Admit(caller);
        return caller.Role == Role.Operator ? caller : null;
    }
}
