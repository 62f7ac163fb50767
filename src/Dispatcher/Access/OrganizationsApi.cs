// /organizations: a provider's customers, and how long each one's data is kept.

using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>A request for an organization.</summary>
/// <param name="Id">Its id, chosen by the caller. Default: made, <c>org_…</c>.</param>
/// <param name="Name">What people call it, 1 to 200 characters. Default: the id.</param>
/// <param name="RetentionDays">For how many days its events, deliveries and attempts are kept. Default: the server's own setting, 30 unless configured.</param>
internal sealed record OrganizationRequest(
    [property: RegularExpression(Identifiers.Pattern), Example(Examples.Organization)] string? Id = null,
    [property: StringLength(200, MinimumLength = 1), Example("Acme Ltd.")] string? Name = null,
    [property: AllowedValues(1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650), Example(30)] int? RetentionDays = null);

/// <summary>A change of an organization, as a merge patch.</summary>
/// <param name="Name">What people call it, 1 to 200 characters; null: its id again.</param>
/// <param name="RetentionDays">For how many days what is accepted from now on is kept; null: as the server's own setting says, again.</param>
internal sealed record OrganizationChange(
    [property: StringLength(200, MinimumLength = 1), Example("Acme Ltd.")] string? Name = null,
    [property: AllowedValues(1, 3, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650), Example(90)] int? RetentionDays = null);

/// <summary>An organization: a customer of the provider.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">What people call it.</param>
/// <param name="RetentionDays">For how many days its events, deliveries and attempts are kept; null: as the server's own setting says.</param>
/// <param name="CreatedAt">When it was made.</param>
internal sealed record OrganizationView(
    [property: Example(Examples.Organization)] string Id,
    [property: Example("Acme Ltd.")] string Name,
    [property: Example(30)] int? RetentionDays,
    [property: Example(Examples.Time)] DateTimeOffset CreatedAt);

internal static class OrganizationsApi
{
    public static void MapOrganizations(this IEndpointRouteBuilder app)
    {
        var organizations = app.MapGroup("/organizations").WithTags("Organizations").WithMetadata(Admits.Operators);
        organizations.MapPost("/", Create).Describe(AccessReference.CreateOrganization);
        organizations.MapGet("/", List).Describe(AccessReference.ListOrganizations);
        organizations.MapGet("/{id}", Get).Describe(AccessReference.GetOrganization);
        organizations.MapPatch("/{id}", Change).Describe(AccessReference.ChangeOrganization);
        organizations.MapDelete("/{id}", Delete).Describe(AccessReference.DeleteOrganization);
    }

    private static async Task<Created<OrganizationView>> Create(
        Body<OrganizationRequest> body, DispatcherDb db, Erasure erasure, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        body.Check((r, faults) =>
        {
            Naming.Check(faults, r.Id, r.Name);
            CheckRetention(faults, r.RetentionDays);
        });
        var (id, name) = Naming.Choose(body.Value.Id, body.Value.Name, Ids.Organization, time);
        if (await db.Organizations.AnyAsync(o => o.Id == id, ct)) throw Problem.Conflict($"The organization \"{id}\" exists.").AsException();
        if (!await erasure.TryFinishAsync(id, ct))
            throw Problem.Conflict($"An organization \"{id}\" was deleted, and its data is still being erased; try again later.").AsException();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        await db.Database.ExecuteSqlAsync($"DELETE FROM dispatcher.erasure WHERE organization_id = {id}", ct);
        var retention = (short?)body.Value.RetentionDays;
        var organization = new Organization { Id = id, Name = name, RetentionDays = retention, CreatedAt = time.GetUtcNow() };
        db.Organizations.Add(organization);
        db.Projects.Add(new Project { OrganizationId = id, Id = Tenant.Default, Name = "Default", CreatedAt = organization.CreatedAt });
        db.Audit.Add(audit.In(null).Entry(
            AuditAction.OrganizationCreated, AuditTarget.Organization(id), details: new() { ["name"] = name, ["retention_days"] = retention }));
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        return TypedResults.Created($"/organizations/{id}", View(organization));
    }

    private static async Task<Ok<Page<OrganizationView>>> List(PageQuery page, DispatcherDb db, CancellationToken ct)
    {
        var (at, after) = Naming.PlaceOf(page);
        var rows = await db.Organizations.AsNoTracking()
            .Where(o => after == null || o.CreatedAt < at || (o.CreatedAt == at && string.Compare(o.Id, after) < 0))
            .OrderByDescending(o => o.CreatedAt).ThenByDescending(o => o.Id).Take(page.Limit + 1).ToListAsync(ct);
        return TypedResults.Ok(Page<OrganizationView>.Of(rows.ConvertAll(View), page, v => Naming.CursorOf(v.Id, v.CreatedAt)));
    }

    private static async Task<Ok<OrganizationView>> Get(string id, DispatcherDb db, CancellationToken ct) =>
        TypedResults.Ok(View((Identifiers.IsValid(id) ? await db.Organizations.AsNoTracking().SingleOrDefaultAsync(o => o.Id == id, ct) : null)
            ?? throw Naming.NoSuch("organization", id)));

    private static async Task<Ok<OrganizationView>> Change(
        string id, Patch<OrganizationChange> patch, DispatcherDb db, AuditContext audit, CancellationToken ct)
    {
        var change = patch.Check(members => members.Deserialize(WireJson.Default.OrganizationChange)!, (r, faults) =>
        {
            Naming.CheckName(faults, r.Name);
            CheckRetention(faults, r.RetentionDays);
        });
        var organization = !Identifiers.IsValid(id) ? null : await db.Organizations.SingleOrDefaultAsync(o => o.Id == id, ct);
        if (organization is null) throw Naming.NoSuch("organization", id);
        var (oldName, oldRetention) = (organization.Name, organization.RetentionDays);
        if (patch.Members.ContainsKey("name")) organization.Name = change.Name ?? id;
        if (patch.Members.ContainsKey("retention_days")) organization.RetentionDays = (short?)change.RetentionDays;
        var changes = new Changes().Note("name", oldName, organization.Name).Note("retention_days", oldRetention, organization.RetentionDays);
        db.Audit.Add(audit.In(null).Entry(AuditAction.OrganizationChanged, AuditTarget.Organization(id), details: changes.ToDetails()));
        await db.SaveChangesAsync(ct);
        return TypedResults.Ok(View(organization));
    }

    private static async Task<NoContent> Delete(
        string id, DispatcherDb db, Erasure erasure, KeyRing ring, AuditContext audit, CancellationToken ct)
    {
        if (id == Tenant.Default) throw Problem.Conflict("The organization \"default\" always exists.").AsException();
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        // Locked: nobody adds to it any more.
        if (!Identifiers.IsValid(id)
            || (await db.Organizations.FromSql($"SELECT * FROM dispatcher.organization WHERE id = {id} FOR UPDATE").AsNoTracking().ToListAsync(ct)).Count == 0)
            throw Naming.NoSuch("organization", id);
        if (await db.Integrations.AnyAsync(i => i.OrganizationId == id && i.DeletedAt == null, ct))
            throw Problem.Conflict("The organization still has integrations; delete them first.").AsException();
        await db.Jobs.Where(j => j.OrganizationId == id).ExecuteDeleteAsync(ct);
        await db.Integrations.Where(i => i.OrganizationId == id && i.DeletedAt != null).ExecuteDeleteAsync(ct);
        // Its projects and keys go with it.
        await db.Organizations.Where(o => o.Id == id).ExecuteDeleteAsync(ct);
        await db.Database.ExecuteSqlAsync($"INSERT INTO dispatcher.erasure (organization_id) VALUES ({id}) ON CONFLICT (organization_id) DO UPDATE SET asked_at = now()", ct);
        db.Audit.Add(audit.In(null).Entry(AuditAction.OrganizationDeleted, AuditTarget.Organization(id)));
        await db.SaveChangesAsync(ct);
        await transaction.CommitAsync(ct);
        ring.Forget();
        await erasure.BeginAsync(id, ct);
        return TypedResults.NoContent();
    }

    private static void CheckRetention(Faults faults, int? days)
    {
        var known = days is null || Array.Exists(Retention.Classes, c => c == days);
        faults.Require(known, "retention_days", $"must be one of {string.Join(", ", Retention.Classes)}.");
    }

    private static OrganizationView View(Organization o) => new(o.Id, o.Name, o.RetentionDays, o.CreatedAt);
}
