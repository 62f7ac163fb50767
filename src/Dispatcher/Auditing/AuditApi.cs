// /audit: who changed what, and when.

using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Auditing;

internal static class AuditApi
{
    /// <summary>The value of <c>?scope=</c> that asks for the server's own entries.</summary>
    public const string ServerScope = "server";

    public static void MapAudit(this IEndpointRouteBuilder app)
    {
        var audit = app.MapGroup("/audit").WithTags("Audit trail").WithMetadata(Admits.Writers);
        audit.MapGet("/", List).Describe(AuditReference.List);
        audit.MapGet("/{id}", Get).Describe(AuditReference.Get);
    }

    private static async Task<Ok<Page<AuditView>>> List(
        PageQuery page, HttpContext context, Caller caller, Tenant tenant, AuditStore store, CancellationToken ct)
    {
        var filter = new QueryFilter(context.Request.Query);
        var scope = filter.Text("scope", s => s == ServerScope, $"must be \"{ServerScope}\", or left out");
        var query = new AuditQuery(
            scope is not null,
            filter.Text("action", a => AuditAction.All.Contains(a), $"must be one of {string.Join(", ", AuditAction.All)}"),
            filter.Identifier("actor"),
            filter.Identifier("target"),
            filter.Time("since"),
            filter.Time("until"));
        filter.ThrowIfFaulty();
        if (query.OfServer && caller.Role != Role.Operator) throw Problem.Forbidden("Only operators read the server's own entries.").AsException();
        return TypedResults.Ok(Page<AuditView>.Of(await store.ListAsync(tenant, query, page, ct), page, e => e.Id[4..]));
    }

    private static async Task<Ok<AuditView>> Get(string id, Caller caller, Tenant tenant, AuditStore store, CancellationToken ct) =>
        TypedResults.Ok(
            (Ids.TryParse(Ids.Audit, id, out var key) ? await store.FindAsync(tenant, caller.Role == Role.Operator, key, ct) : null)
            ?? throw Problem.NotFound($"There is no entry \"{id}\".").AsException());
}
