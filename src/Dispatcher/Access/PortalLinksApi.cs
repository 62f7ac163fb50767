// POST /webhook makes a link into the portal; /portal-sessions lists what was made and ends it.

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>A request for a link into the portal. It may be left empty, as source C's clients do.</summary>
/// <param name="Project">The project that the link is for. Default: the key's, or all of the organization.</param>
/// <param name="ExpiresInSeconds">How long the link works: 60 to 604,800. Default: the server's, 3,600 unless configured.</param>
/// <param name="Role"><c>admin</c> or <c>member</c>, which only reads. Default: <c>admin</c>; what a member makes is always for a <c>member</c>.</param>
internal sealed record PortalLinkRequest(
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: Range(DispatcherOptions.PortalOptions.MinLinkSeconds, DispatcherOptions.PortalOptions.MaxLinkSeconds), Example(3600)] int? ExpiresInSeconds = null,
    [property: AllowedValues("admin", "member"), DefaultValue("admin"), Example("admin")] string? Role = null) : IMayBeEmpty;

/// <summary>A link into the portal. Whoever has it is let in, without another login, until it expires.</summary>
/// <param name="Link">The address to open in a browser. Its last segment also works as a bearer token on the API.</param>
/// <param name="ExpiresAt">When it stops working. It ends before that with the key that made it.</param>
internal sealed record PortalLink(
    [property: Example("https://webhooks.example.com/portal/dps_5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8")] string Link,
    [property: Example(Examples.NextDay)] DateTimeOffset ExpiresAt);

/// <summary>A portal session as it reads back: never its token.</summary>
/// <param name="Id">Its id, which names it but opens nothing.</param>
/// <param name="Role">What it may do: <c>admin</c> all that the portal can, <c>member</c> only read.</param>
/// <param name="Organization">The organization it is for.</param>
/// <param name="Project">The project it is limited to; null: all of the organization.</param>
/// <param name="CreatedBy">The key that made it; null: the operator key of the configuration.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record PortalSessionView(
    [property: Example(Examples.PortalSession)] string Id,
    [property: AllowedValues("admin", "member"), Example("admin")] string Role,
    [property: Example(Examples.Organization)] string Organization,
    [property: Example(Examples.Project)] string? Project,
    [property: Example(Examples.ApiKey)] string? CreatedBy,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example(Examples.NextDay)] DateTimeOffset ExpiresAt);

internal static class PortalLinksApi
{
    public static void MapPortalLinks(this IEndpointRouteBuilder app)
    {
        app.MapPost("/webhook", Create).WithTags("Portal").Describe(PortalReference.CreateLink)
            .WithMetadata(Admits.Readers, RefusesPortalSessions.Instance);

        var sessions = app.MapGroup("/portal-sessions").WithTags("Portal").WithMetadata(Admits.Writers, RefusesPortalSessions.Instance);
        sessions.MapGet("/", List).Describe(PortalReference.ListSessions);
        sessions.MapDelete("/{id}", End).Describe(PortalReference.EndSession);
    }

    // 200, not 201: what source C's clients were told to expect.
    private static async Task<Ok<PortalLink>> Create(
        Body<PortalLinkRequest> body, HttpContext context, Caller caller, Tenant tenant, PortalSessions sessions, DispatcherOptions options,
        AuditContext audit, CancellationToken ct)
    {
        body.Check(Check);
        var request = body.Value;
        if (caller.Role == Role.Member && request.Role == "admin") throw Problem.Forbidden("A key of role member makes links for members only.").AsException();

        var role = caller.Role == Role.Member || request.Role == "member" ? Role.Member : Role.Admin;
        var scope = tenant with { Project = tenant.ProjectFor(request.Project) };
        var lifetime = TimeSpan.FromSeconds(request.ExpiresInSeconds ?? options.Portal.LinkSeconds);
        var (session, token) = await sessions.CreateAsync(caller, scope, role, lifetime, audit, ct);
        // A secret is in it: nothing on the way may keep it.
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new PortalLink($"{PublicAddress.RootOf(context.Request, options)}/portal/{token}", session.ExpiresAt));
    }

    private static void Check(PortalLinkRequest request, Faults faults)
    {
        Identifiers.CheckOptional(faults, "project", request.Project);
        faults.Require(
            request.ExpiresInSeconds is null or (>= DispatcherOptions.PortalOptions.MinLinkSeconds and <= DispatcherOptions.PortalOptions.MaxLinkSeconds),
            "expires_in_seconds",
            $"must be from {DispatcherOptions.PortalOptions.MinLinkSeconds} to {DispatcherOptions.PortalOptions.MaxLinkSeconds}.");
        faults.Require(request.Role is null or "admin" or "member", "role", "must be \"admin\" or \"member\".");
    }

    private static async Task<Ok<Page<PortalSessionView>>> List(PageQuery page, Tenant tenant, DispatcherDb db, TimeProvider time, CancellationToken ct)
    {
        var (now, after) = (time.GetUtcNow(), page.AfterId);
        var rows = await db.PortalSessions.AsNoTracking()
            .Where(s => s.OrganizationId == tenant.Organization && (tenant.Project == null || s.Project == tenant.Project)
                && s.RevokedAt == null && s.ExpiresAt > now && (after == null || s.Id < after))
            .OrderByDescending(s => s.Id).Take(page.Limit + 1).ToListAsync(ct);
        return TypedResults.Ok(Page<PortalSessionView>.Of(rows.ConvertAll(View), page, v => v.Id[4..]));
    }

    private static async Task<NoContent> End(
        string id, Tenant tenant, PortalSessions sessions, KeyRing ring, AuditContext audit, CancellationToken ct)
    {
        if (!Ids.TryParse(Ids.PortalSession, id, out var key) || !await sessions.RevokeAsync(tenant, key, audit, ct)) throw Naming.NoSuch("portal session", id);
        ring.Forget();
        return TypedResults.NoContent();
    }

    private static PortalSessionView View(PortalSession s) => new(
        Ids.Format(Ids.PortalSession, s.Id), s.Role.ToString().ToLowerInvariant(), s.OrganizationId, s.Project,
        s.CreatedBy is { } key ? Ids.Format(Ids.ApiKey, key) : null, s.CreatedAt, s.ExpiresAt);
}
