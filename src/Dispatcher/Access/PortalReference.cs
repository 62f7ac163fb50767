// What the API reference says of links into the portal.

using Dispatcher.Platform;

namespace Dispatcher.Access;

internal static class PortalReference
{
    public static readonly Operation CreateLink = new(
        "createPortalLink", "Make a link into the portal",
        "A link for the key's organization or project, to be opened in a browser without another login. Whoever has it is let in until it expires, the " +
        "key that made it ends, or its session is ended. A member's link only reads. The body may be left out. Each call makes another link.");

    public static readonly Operation ListSessions = new(
        "listPortalSessions", "List portal sessions that have not ended, newest first", "One for each link that still works, without its token. Changes nothing.");

    public static readonly Operation EndSession = new(
        "endPortalSession", "End a portal session; its link stops working",
        "The link, and whoever came by it, is let in no longer: at once on this node, within 5 seconds on every other. Repeated, it answers 404.")
    {
        Parameters = [Parameter.Id("id", Ids.PortalSession, "The session's id.")],
    };
}
