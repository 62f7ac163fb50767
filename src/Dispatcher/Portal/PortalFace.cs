// The portal as a face: who comes by a link, and sees one organization or one project of it.

using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Platform;

namespace Dispatcher.Portal;

internal sealed class PortalFace(PortalSessions sessions, KeyRing keys, KeyLimits limits, FailedKeys failed, DispatcherOptions options) : Face(options)
{
    public const string Root = "/portal";

    private const string NewLink = "Go back to where you found the link and open it again, or ask whoever gave it to you for a new one.";

    private static readonly Notice NoSession = new(404, "Open your link first", "This page is reached by a link that your provider makes for you. " + NewLink);

    private static readonly Notice UnknownLink = new(
        404, "This link does not work", "It may have been cut short when it was copied, or it ended some time ago. " + NewLink);

    private static readonly Notice EndedLink = new(410, "This link has ended", "Links into this portal work for a limited time only. " + NewLink);

    private static readonly PageLink[] Pages = [new("Integrations", ""), new("Deliveries", "deliveries"), new("Events", "events")];

    public override string Path => Root;

    public override IEnumerable<string> FrameAncestors => Options.Portal.AllowedOrigins;

    public override string? TokenOf(HttpRequest request) => PortalCookie.Read(request);

    public override PageView ViewOfAnybody(HttpContext context) => new(
        RootOf(context.Request), PublicAddress.RootOf(context.Request, Options), Options.Portal.ProviderName.Trim(), HasBrand: true,
        HasLogo: Options.Portal.LogoFile is not null);

    public override async Task<IResult?> AdmitAsync(HttpContext context)
    {
        if (TokenOf(context.Request) is not { } token) return NoSession.ToResult();
        var found = await FindAsync(context, token);
        if (found is not { IsLive: true, Caller: var caller }) return NoticeOf(found).ToResult();
        context.Features.Set(caller);
        context.Features.Set(new Tenant(caller.Organization!, caller.Project));
        context.Features.Set(ViewOfAnybody(context) with
        {
            Navigation = Pages,
            Visit = new Visit(caller.Organization!, caller.Project, caller.Role == Role.Member, IsOperator: false, found.ExpiresAt, CsrfOf(token)),
        });
        return null;
    }

    /// <summary>
    /// The session of a token; null where there is none. Tokens that are none count as unknown keys do, and a session's pages count with
    /// its key's requests.
    /// </summary>
    /// <exception cref="ProblemException">429: too many unknown tokens from this address, or too many requests of this session.</exception>
    public async Task<FoundSession?> FindAsync(HttpContext context, string token)
    {
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(token)) failed.Admit(from);
        if (await sessions.FindAsync(token, context.RequestAborted) is not { } found)
        {
            failed.Count(from);
            return null;
        }

        // From now on this node knows it, and lets it in however many others guess from the same address.
        if (found.IsLive) keys.Note(token, found.Caller);
        limits.Admit(found.Caller);
        return found;
    }

    /// <summary>Why a session lets nobody in.</summary>
    public static Notice NoticeOf(FoundSession? found) => found is null ? UnknownLink : EndedLink;
}
