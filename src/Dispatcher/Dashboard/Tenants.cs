// Organizations, and the projects and keys of one.

using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Dashboard;

/// <summary>An organization in a list.</summary>
public sealed record OrganizationLine(string Id, string Name, int? RetentionDays, DateTimeOffset CreatedAt);

/// <summary>The organizations.</summary>
/// <param name="Lines">This page's.</param>
/// <param name="RetentionChoices">The days that a retention may have.</param>
/// <param name="DefaultRetention">What holds where none is chosen, in days.</param>
/// <param name="NextCursor">Where the next page begins; null: this is the last.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record OrganizationsModel(
    IReadOnlyList<OrganizationLine> Lines, IReadOnlyList<short> RetentionChoices, int DefaultRetention, string? NextCursor, bool IsFirst);

/// <summary>A project in a list.</summary>
public sealed record ProjectLine(string Id, string Name, DateTimeOffset CreatedAt);

/// <summary>The projects of an organization.</summary>
public sealed record ProjectsModel(IReadOnlyList<ProjectLine> Lines, string? NextCursor, bool IsFirst);

/// <summary>A key in a list.</summary>
public sealed record KeyLine(string Id, string Role, string? Project, string? Name, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, int? RateLimit);

/// <summary>Keys.</summary>
/// <param name="OfOperators">Whether they are operators' own; otherwise an organization's.</param>
/// <param name="Lines">This page's.</param>
/// <param name="NextCursor">Where the next page begins; null: this is the last.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record KeysModel(bool OfOperators, IReadOnlyList<KeyLine> Lines, string? NextCursor, bool IsFirst);

internal static class Tenants
{
    public static void MapTenants(this RouteGroupBuilder pages)
    {
        pages.MapGet("/organizations", Organizations);
        pages.MapGet("/projects", Projects);
        pages.MapGet("/keys", (PageQuery page, Tenant tenant, DispatcherDb db, CancellationToken ct) => KeysAsync(tenant.Organization, page, db, ct));
        pages.MapGet("/operator-keys", (PageQuery page, DispatcherDb db, CancellationToken ct) => KeysAsync(null, page, db, ct));
    }

    private static async Task<PageResult<OrganizationsPage, OrganizationsModel>> Organizations(
        PageQuery page, DispatcherDb db, DispatcherOptions options, CancellationToken ct)
    {
        var (at, after) = Naming.PlaceOf(page);
        var rows = await db.Organizations.AsNoTracking()
            .Where(o => after == null || o.CreatedAt < at || (o.CreatedAt == at && string.Compare(o.Id, after) < 0))
            .OrderByDescending(o => o.CreatedAt).ThenByDescending(o => o.Id).Take(page.Limit + 1)
            .Select(o => new OrganizationLine(o.Id, o.Name, o.RetentionDays, o.CreatedAt)).ToListAsync(ct);
        var found = Page<OrganizationLine>.Of(rows, page, o => Naming.CursorOf(o.Id, o.CreatedAt));
        return new(new OrganizationsModel(found.Data, Retention.Classes, options.Retention.Days, found.NextCursor, page.After is null));
    }

    private static async Task<PageResult<ProjectsPage, ProjectsModel>> Projects(PageQuery page, Tenant tenant, DispatcherDb db, CancellationToken ct)
    {
        var (at, after) = Naming.PlaceOf(page);
        var rows = await db.Projects.AsNoTracking().Where(p => p.OrganizationId == tenant.Organization)
            .Where(p => after == null || p.CreatedAt < at || (p.CreatedAt == at && string.Compare(p.Id, after) < 0))
            .OrderByDescending(p => p.CreatedAt).ThenByDescending(p => p.Id).Take(page.Limit + 1)
            .Select(p => new ProjectLine(p.Id, p.Name, p.CreatedAt)).ToListAsync(ct);
        var found = Page<ProjectLine>.Of(rows, page, p => Naming.CursorOf(p.Id, p.CreatedAt));
        return new(new ProjectsModel(found.Data, found.NextCursor, page.After is null));
    }

    private static async Task<PageResult<KeysPage, KeysModel>> KeysAsync(string? organization, PageQuery page, DispatcherDb db, CancellationToken ct)
    {
        var after = page.AfterId;
        var rows = await db.ApiKeys.AsNoTracking()
            .Where(k => k.RevokedAt == null && k.OrganizationId == organization && (after == null || k.Id < after))
            .OrderByDescending(k => k.Id).Take(page.Limit + 1).ToListAsync(ct);
        var found = Page<KeyLine>.Of(
            rows.ConvertAll(k => new KeyLine(
                Ids.Format(Ids.ApiKey, k.Id), k.Role.ToString().ToLowerInvariant(), k.Project, k.Name, k.CreatedAt, k.ExpiresAt, k.RateLimitPerSecond)),
            page, k => k.Id[4..]);
        return new(new KeysModel(organization is null, found.Data, found.NextCursor, page.After is null));
    }
}
