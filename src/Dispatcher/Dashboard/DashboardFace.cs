// The dashboard as a face: who has signed in with an operator key, and sees everything.

using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Dashboard;

internal sealed class DashboardFace(OperatorSessions sessions, KeyRing keys, FailedKeys failed, KeyLimits limits, DispatcherOptions options) : Face(options)
{
    public const string Root = "/dashboard";
    public const string SignIn = "/sign-in";


    public override string Path => Root;

    public override string? TokenOf(HttpRequest request) => DashboardCookie.Read(request);

    public override PageView ViewOfAnybody(HttpContext context) =>
        new(RootOf(context.Request), PublicAddress.RootOf(context.Request, Options), "Dispatcher");

    public override async Task<IResult?> AdmitAsync(HttpContext context)
    {
        if (TokenOf(context.Request) is not { } token) return ToSignIn(context);
        var from = context.Connection.RemoteIpAddress;
        if (!keys.HasSeen(token)) failed.Admit(from);
        if (await sessions.FindAsync(token, context.RequestAborted) is not { } session)
        {
            failed.Count(from);
            DashboardCookie.Remove(context, Options);
            return ToSignIn(context);
        }

        // From now on this node knows it, and lets it in however many others guess from the same address.
        keys.Note(token, session.Caller);
        limits.Admit(session.Caller);
        var tenant = await keys.TenantOfAsync(context, session.Caller);
        context.Features.Set(session.Caller);
        context.Features.Set(tenant);
        context.Features.Set(ViewOfAnybody(context) with
        {
            Navigation = NavigationOf(tenant.Organization),
            Visit = new Visit(tenant.Organization, null, ReadOnly: false, IsOperator: true, session.ExpiresAt, CsrfOf(token)),
        });
        return null;
    }

    private PageLink[] NavigationOf(string organization)
    {
        const string server = "Server";
        var one = $"Organization {organization}";
        return
        [
            new("Overview", "", OfOrganization: false, server),
            new("Failures", "failures", OfOrganization: false, server),
            new("All deliveries", "all-deliveries", OfOrganization: false, server),
            new("Organizations", "organizations", OfOrganization: false, server),
            new("Operator keys", "operator-keys", OfOrganization: false, server),
            new("Server audit", "server-audit", OfOrganization: false, server),
            new("Nodes", "nodes", OfOrganization: false, server),
            new("Settings", "settings", OfOrganization: false, server),
            .. Options.UsesHangfire() ? [new PageLink("Hangfire", HangfireLink.Path[1..], OfOrganization: false, server)] : Array.Empty<PageLink>(),
            new("Integrations", "integrations", Group: one),
            new("Deliveries", "deliveries", Group: one),
            new("Events", "events", Group: one),
            new("Bulk actions", "bulk", Group: one),
            new("Projects", "projects", Group: one),
            new("Keys", "keys", Group: one),
            new("Audit", "audit", Group: one),
        ];
    }

    /// <summary>To where one signs in, and from there back to the page that was asked for.</summary>
    private RedirectHttpResult ToSignIn(HttpContext context)
    {
        var page = context.Request.Path.Value![Root.Length..].TrimStart('/') + context.Request.QueryString;
        return TypedResults.Redirect($"{RootOf(context.Request)}{SignIn}{(page.Length == 0 ? "" : "?page=" + Uri.EscapeDataString(page))}");
    }
}
