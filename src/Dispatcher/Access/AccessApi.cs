// /projects and /api-keys.

using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>A request for a key.</summary>
/// <param name="Role">What it may do: <c>operator</c> everything, <c>admin</c> everything in its organization or project, <c>member</c> read the same, <c>emitter</c> publish events and move jobs.</param>
/// <param name="Organization">The organization it is bound to. Default: the caller's own, or what <c>?organization=</c> names. Not for operators.</param>
/// <param name="Project">The project it is bound to. Default: all of the organization. Not for operators.</param>
/// <param name="Name">What it is for, at most 200 characters.</param>
/// <param name="ExpiresAt">When it stops working, in the future. Default: never.</param>
/// <param name="RateLimitPerSecond">
/// How many requests a second it may make on each node, 1 to 1,000,000; beyond it they are answered with 429. Made by an operator, by
/// default: for admins and members what the server is configured to, for operators and emitters none. Made by an admin, at most what that
/// one may make itself.
/// </param>
internal sealed record ApiKeyRequest(
    [property: Required, AllowedValues("operator", "admin", "member", "emitter"), Example("emitter")] string? Role,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Organization)] string? Organization = null,
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Project = null,
    [property: MaxLength(200), Example("Job runner")] string? Name = null,
    [property: Example("2033-10-01T12:00:00.000Z")] DateTimeOffset? ExpiresAt = null,
    [property: Range(1, KeyLimits.MaxPerSecond), Example(100)] int? RateLimitPerSecond = null);

/// <summary>A key as it reads back: never the key itself.</summary>
/// <param name="Id">Its id, which names it but opens nothing.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Organization">The organization it is bound to; null for operators.</param>
/// <param name="Project">The project it is bound to; null: all of the organization.</param>
/// <param name="Name">What it is for.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it stops working; null: never.</param>
/// <param name="RateLimitPerSecond">How many requests a second it may make on each node; null: what the server's settings say of its role.</param>
internal record ApiKeyView(
    [property: Example(Examples.ApiKey)] string Id,
    [property: AllowedValues("operator", "admin", "member", "emitter"), Example("emitter")] string Role,
    [property: Example(Examples.Organization)] string? Organization,
    [property: Example(Examples.Project)] string? Project,
    [property: Example("Job runner")] string? Name,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt,
    [property: Example("2033-10-01T12:00:00.000Z")] DateTimeOffset? ExpiresAt,
    [property: Example(100)] int? RateLimitPerSecond);

/// <summary>A new key.</summary>
internal sealed record ApiKeyCreated : ApiKeyView
{
    public ApiKeyCreated(ApiKeyView view, string key) : base(view) => Key = key;

    /// <summary>The key, shown this once: only its hash is stored.</summary>
    [JsonPropertyOrder(1)]
    [Example("dsk_5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8")]
    public string Key { get; }
}

/// <summary>A request for a project.</summary>
/// <param name="Id">Its id, chosen by the caller. Default: made, <c>prj_…</c>.</param>
/// <param name="Name">What people call it, 1 to 200 characters. Default: the id.</param>
internal sealed record NamedRequest(
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Project)] string? Id = null,
    [property: StringLength(200, MinimumLength = 1), Example("Invoices")] string? Name = null);

/// <summary>A project: a part of an organization.</summary>
/// <param name="Id">Its id, unique in its organization.</param>
/// <param name="Name">What people call it.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record NamedView(
    [property: Example(Examples.Project)] string Id,
    [property: Example("Invoices")] string Name,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt);

internal static class AccessApi
{
    public static void MapAccess(this IEndpointRouteBuilder app)
    {
        var projects = app.MapGroup("/projects").WithTags("Projects");
        projects.MapPost("/", CreateProject).Describe(AccessReference.CreateProject).WithMetadata(Admits.Writers);
        projects.MapGet("/", ListProjects).Describe(AccessReference.ListProjects).WithMetadata(Admits.Readers);
        projects.MapGet("/{id}", GetProject).Describe(AccessReference.GetProject).WithMetadata(Admits.Readers);
        projects.MapDelete("/{id}", DeleteProject).Describe(AccessReference.DeleteProject).WithMetadata(Admits.Writers);

        var keys = app.MapGroup("/api-keys").WithTags("API keys").WithMetadata(Admits.Writers, RefusesPortalSessions.Instance);
        keys.MapPost("/", CreateKey).Describe(AccessReference.CreateKey);
        keys.MapGet("/", ListKeys).Describe(AccessReference.ListKeys);
        keys.MapGet("/{id}", GetKey).Describe(AccessReference.GetKey);
        keys.MapDelete("/{id}", RevokeKey).Describe(AccessReference.RevokeKey);
    }

    private static async Task<Created<NamedView>> CreateProject(
        Body<NamedRequest> body, Tenant tenant, DispatcherDb db, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        if (tenant.Project is not null) throw Problem.Forbidden("A key of one project makes no others.").AsException();
        body.Check((r, faults) => Naming.Check(faults, r.Id, r.Name));
        var (id, name) = Naming.Choose(body.Value.Id, body.Value.Name, Ids.Project, time);
        if (await db.Projects.AnyAsync(p => p.OrganizationId == tenant.Organization && p.Id == id, ct))
            throw Problem.Conflict($"The project \"{id}\" exists.").AsException();
        var now = time.GetUtcNow();
        db.Projects.Add(new Project { OrganizationId = tenant.Organization, Id = id, Name = name, CreatedAt = now });
        db.Audit.Add(audit.Entry(AuditAction.ProjectCreated, AuditTarget.Project(id), id, new() { ["name"] = name }));
        await db.SaveChangesAsync(ct);
        return TypedResults.Created($"/projects/{id}", new NamedView(id, name, now));
    }

    private static async Task<Ok<Page<NamedView>>> ListProjects(PageQuery page, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var (at, after) = Naming.PlaceOf(page);
        var rows = await db.Projects.AsNoTracking()
            .Where(p => p.OrganizationId == tenant.Organization && (tenant.Project == null || p.Id == tenant.Project))
            .Where(p => after == null || p.CreatedAt < at || (p.CreatedAt == at && string.Compare(p.Id, after) < 0))
            .OrderByDescending(p => p.CreatedAt).ThenByDescending(p => p.Id).Take(page.Limit + 1)
            .Select(p => new NamedView(p.Id, p.Name, p.CreatedAt)).ToListAsync(ct);
        return TypedResults.Ok(Page<NamedView>.Of(rows, page, v => Naming.CursorOf(v.Id, v.CreatedAt)));
    }

    private static async Task<Ok<NamedView>> GetProject(string id, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var visible = Identifiers.IsValid(id) && (tenant.Project is null || tenant.Project == id);
        var project = !visible ? null : await db.Projects.AsNoTracking()
            .Where(p => p.OrganizationId == tenant.Organization && p.Id == id).Select(p => new NamedView(p.Id, p.Name, p.CreatedAt)).SingleOrDefaultAsync(ct);
        return TypedResults.Ok(project ?? throw Naming.NoSuch("project", id));
    }

    private static async Task<NoContent> DeleteProject(
        string id, Tenant tenant, DispatcherDb db, KeyRing ring, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        if (tenant.Project is not null) throw Problem.Forbidden("A key of one project deletes none.").AsException();
        if (id == Tenant.Default) throw Problem.Conflict("The project \"default\" always exists.").AsException();
        if (!Identifiers.IsValid(id)) throw Naming.NoSuch("project", id);
        if (await db.Integrations.AnyAsync(i => i.OrganizationId == tenant.Organization && i.Project == id && i.DeletedAt == null, ct))
            throw Problem.Conflict("The project still has integrations; delete them first.").AsException();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.Projects.Where(p => p.OrganizationId == tenant.Organization && p.Id == id).ExecuteDeleteAsync(ct) == 0)
            throw Naming.NoSuch("project", id);
        // What it has done stays to be read by the organization, which it belongs to.
        var now = time.GetUtcNow();
        await db.ApiKeys.Where(k => k.OrganizationId == tenant.Organization && k.Project == id && k.RevokedAt == null)
            .ExecuteUpdateAsync(set => set.SetProperty(k => k.RevokedAt, now), ct);
        db.Audit.Add(audit.Entry(AuditAction.ProjectDeleted, AuditTarget.Project(id), id));
        await db.SaveChangesAsync(ct);
        await PortalSessions.EndProjectAsync(db, tenant.Organization, id, ct);
        await transaction.CommitAsync(ct);
        ring.Forget();
        return TypedResults.NoContent();
    }

    private static async Task<Created<ApiKeyCreated>> CreateKey(
        Body<ApiKeyRequest> body, Caller caller, Tenant tenant, DispatcherDb db, KeyRing ring, KeyLimits limits, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        var role = Role.Member;
        body.Check((r, faults) => role = CheckKey(r, faults, time));
        var request = body.Value;
        var (organization, project) = ScopeOf(request, role, caller, tenant);
        if (organization is not null && !await ring.OrganizationExistsAsync(organization, ct)) throw Naming.NoSuch("organization", organization);

        var key = KeyRing.NewKey();
        var row = new ApiKey
        {
            Id = Ids.NewUuid(time.GetUtcNow()),
            Role = role,
            OrganizationId = organization,
            Project = project,
            Name = request.Name,
            Hash = KeyRing.Hash(key),
            CreatedAt = time.GetUtcNow(),
            ExpiresAt = request.ExpiresAt,
            RateLimitPerSecond = limits.ForNewKey(caller, request.RateLimitPerSecond),
        };
        db.ApiKeys.Add(row);
        db.Audit.Add(audit.In(organization).Entry(AuditAction.ApiKeyCreated, AuditTarget.ApiKey(row.Id), project, row.ToDetails()));
        await db.SaveChangesAsync(ct);
        var view = View(row);
        return TypedResults.Created($"/api-keys/{view.Id}", new ApiKeyCreated(view, key));
    }

    private static async Task<Ok<Page<ApiKeyView>>> ListKeys(PageQuery page, HttpContext context, Caller caller, DispatcherDb db, CancellationToken ct)
    {
        // An operator sees every key, or those of ?organization=; others see those of their own scope.
        string? organization = caller.Organization ?? context.Request.Query["organization"];
        var after = page.AfterId;
        var rows = await db.ApiKeys.AsNoTracking()
            .Where(k => k.RevokedAt == null
                && (organization == null || k.OrganizationId == organization)
                && (caller.Project == null || k.Project == caller.Project)
                && (after == null || k.Id < after))
            .OrderByDescending(k => k.Id).Take(page.Limit + 1).ToListAsync(ct);
        return TypedResults.Ok(Page<ApiKeyView>.Of(rows.ConvertAll(View), page, v => v.Id[4..]));
    }

    private static async Task<Ok<ApiKeyView>> GetKey(string id, Caller caller, DispatcherDb db, CancellationToken ct)
    {
        var row = !Ids.TryParse(Ids.ApiKey, id, out var keyId) ? null : await db.ApiKeys.AsNoTracking()
            .SingleOrDefaultAsync(
                k => k.Id == keyId && k.RevokedAt == null
                    && (caller.Organization == null || k.OrganizationId == caller.Organization)
                    && (caller.Project == null || k.Project == caller.Project),
                ct);
        return TypedResults.Ok(View(row ?? throw Naming.NoSuch("key", id)));
    }

    private static async Task<NoContent> RevokeKey(
        string id, Caller caller, DispatcherDb db, KeyRing ring, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var known = Ids.TryParse(Ids.ApiKey, id, out var keyId);
        var visible = db.ApiKeys.Where(k => k.Id == keyId && k.RevokedAt == null
            && (caller.Organization == null || k.OrganizationId == caller.Organization)
            && (caller.Project == null || k.Project == caller.Project));
        var row = known ? await visible.AsNoTracking().SingleOrDefaultAsync(ct) : null;
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // Of two who revoke it at once, one finds it revoked.
        if (row is null || await visible.ExecuteUpdateAsync(set => set.SetProperty(k => k.RevokedAt, now), ct) == 0) throw Naming.NoSuch("key", id);
        db.Audit.Add(audit.In(row.OrganizationId).Entry(AuditAction.ApiKeyRevoked, AuditTarget.ApiKey(row.Id), row.Project, row.ToDetails()));
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        ring.Forget();
        return TypedResults.NoContent();
    }

    /// <returns>The role, where there is one.</returns>
    private static Role CheckKey(ApiKeyRequest request, Faults faults, TimeProvider time)
    {
        var known = Enum.TryParse<Role>(request.Role, ignoreCase: true, out var role) && request.Role!.All(char.IsAsciiLetterLower);
        faults.Require(known, "role", "must be operator, admin, member or emitter.");
        faults.Require(request.Name is null or { Length: <= 200 }, "name", "must have at most 200 characters.");
        faults.Require(request.ExpiresAt is null || request.ExpiresAt > time.GetUtcNow(), "expires_at", "must be in the future.");
        faults.Require(
            request.RateLimitPerSecond is null or (>= 1 and <= KeyLimits.MaxPerSecond), "rate_limit_per_second", $"must be from 1 to {KeyLimits.MaxPerSecond}.");
        Identifiers.CheckOptional(faults, "organization", request.Organization);
        Identifiers.CheckOptional(faults, "project", request.Project);
        if (known && role == Role.Operator)
        {
            faults.Require(request.Organization is null, "organization", "an operator key is for the whole server.");
            faults.Require(request.Project is null, "project", "an operator key is for the whole server.");
        }

        return role;
    }

    /// <summary>What a new key is bound to: operators choose, an admin gives at most what it has.</summary>
    private static (string? Organization, string? Project) ScopeOf(ApiKeyRequest request, Role role, Caller caller, Tenant tenant)
    {
        if (caller.Organization is not { } own)
            return role == Role.Operator ? (null, null) : (request.Organization ?? tenant.Organization, request.Project);
        if (role == Role.Operator) throw Problem.Forbidden("Only an operator makes operator keys.").AsException();
        if (request.Organization is { } other && other != own) throw Naming.NoSuch("organization", other);
        return (own, tenant.ProjectFor(request.Project));
    }

    private static ApiKeyView View(ApiKey k) => new(
        Ids.Format(Ids.ApiKey, k.Id), k.Role.ToString().ToLowerInvariant(), k.OrganizationId, k.Project, k.Name, k.CreatedAt, k.ExpiresAt,
        k.RateLimitPerSecond);
}
