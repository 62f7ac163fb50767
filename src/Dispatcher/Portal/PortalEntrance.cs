// Looks up who comes with a link or a cookie, within the limits that hold for callers of the API.

using Dispatcher.Access;

namespace Dispatcher.Portal;

/// <summary>Finds sessions. Tokens that are none count as unknown keys do, and a session's pages count with its key's requests.</summary>
internal sealed class PortalEntrance(PortalSessions sessions, KeyLimits limits, FailedKeys failed)
{
    /// <summary>The session of a token; null where there is none.</summary>
    /// <exception cref="Platform.ProblemException">429: too many unknown tokens from this address, or too many requests of this session.</exception>
    public async Task<FoundSession?> FindAsync(HttpContext context, string token)
    {
        var from = context.Connection.RemoteIpAddress;
        failed.Admit(from);
        if (await sessions.FindAsync(token, context.RequestAborted) is not { } found)
        {
            failed.Count(from);
            return null;
        }

        limits.Admit(found.Caller);
        return found;
    }
}
