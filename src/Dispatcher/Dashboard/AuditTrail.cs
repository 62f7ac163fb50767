// Who changed what: an organization's trail, and the server's own.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Pages;
using Dispatcher.Platform;

namespace Dispatcher.Dashboard;

/// <summary>An entry of the trail.</summary>
public sealed record AuditLine(
    DateTimeOffset At, string Action, string Actor, string? Role, string TargetKind, string TargetId, IReadOnlyList<AuditDetail> Details,
    string? Address);

/// <summary>Entries, newest first.</summary>
/// <param name="OfServer">Whether it is the server's own trail; otherwise an organization's.</param>
/// <param name="Lines">This page's.</param>
/// <param name="Action">Only entries of this action.</param>
/// <param name="Target">Only entries about this one.</param>
/// <param name="Actions">What can be chosen.</param>
/// <param name="NextCursor">Where the search goes on; null: this is the last page.</param>
/// <param name="IsFirst">Whether this is the first page.</param>
public sealed record AuditModel(
    bool OfServer, IReadOnlyList<AuditLine> Lines, string? Action, string? Target, IReadOnlyList<string> Actions, string? NextCursor, bool IsFirst);

internal static class AuditTrail
{
    public static void MapAuditTrail(this RouteGroupBuilder pages)
    {
        pages.MapGet("/audit", (PageQuery page, HttpContext context, Tenant tenant, AuditStore store, CancellationToken ct) => ShowAsync(false, page, context, tenant, store, ct));
        pages.MapGet("/server-audit", (PageQuery page, HttpContext context, Tenant tenant, AuditStore store, CancellationToken ct) => ShowAsync(true, page, context, tenant, store, ct));
    }

    private static async Task<PageResult<AuditPage, AuditModel>> ShowAsync(
        bool ofServer, PageQuery page, HttpContext context, Tenant tenant, AuditStore store, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var action = filter.Text("action", AuditAction.All.Contains, $"must be one of {string.Join(", ", AuditAction.All)}");
        var target = filter.Identifier("target");
        filter.ThrowIfFaulty();
        var found = Page<AuditView>.Of(await store.ListAsync(tenant, new AuditQuery(ofServer, action, null, target, null, null), page, ct), page, e => e.Id[4..]);
        return new(new AuditModel(
            ofServer,
            [.. found.Data.Select(e => new AuditLine(
                e.At, e.Action, e.Actor.Name ?? e.Actor.Id ?? e.Actor.Kind.Replace('_', ' '), e.Actor.Role, e.Target.Kind, e.Target.Id,
                [.. AuditDetail.Of(e.Details)], e.RemoteAddress))],
            action, target, AuditAction.All, found.NextCursor, page.After is null));
    }
}
