// /integrations/{id}/recover, /replay and /tasks: sending again what failed for good, and what was never sent.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Recoveries;

internal static class RecoveriesApi
{
    public static void MapRecoveries(this IEndpointRouteBuilder app)
    {
        var read = app.MapGroup("/integrations/{id}/tasks").WithTags("Integrations").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(RecoveriesReference.List);
        read.MapGet("/{task}", Get).Describe(RecoveriesReference.Get);

        var write = app.MapGroup("/integrations/{id}").WithTags("Integrations").WithMetadata(Admits.Writers);
        write.MapPost("/recover", Recover).Describe(RecoveriesReference.Recover);
        write.MapPost("/replay", Replay).Describe(RecoveriesReference.Replay);
        write.MapPost("/tasks/{task}/cancel", Cancel).Describe(RecoveriesReference.Cancel);
    }

    private static Task<Accepted<TaskView>> Recover(
        string id, Body<SpanRequest> body, Tenant tenant, RecoveryStore store, AuditContext audit, TimeProvider time, CancellationToken ct) =>
        AskAsync(TaskKind.Recover, id, body, tenant, store, audit, time, ct);

    private static Task<Accepted<TaskView>> Replay(
        string id, Body<SpanRequest> body, Tenant tenant, RecoveryStore store, AuditContext audit, TimeProvider time, CancellationToken ct) =>
        AskAsync(TaskKind.Replay, id, body, tenant, store, audit, time, ct);

    private static async Task<Accepted<TaskView>> AskAsync(
        string kind, string id, Body<SpanRequest> body, Tenant tenant, RecoveryStore store, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        body.Check((r, faults) =>
        {
            faults.Require(r.Since is not null, "since", "is required: an RFC 3339 time, from which on events are looked at.");
            faults.Require(r.Since is null || r.Since < now, "since", "must be in the past.");
            faults.Require(r.Until is null || r.Since is null || r.Until > r.Since, "until", "must be later than since.");
        });
        var span = body.Value;
        // Ids count whole milliseconds: what was accepted in the one that it is now belongs to the past.
        var until = span.Until is { } given && given < now ? given : DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds() + 1);
        var view = await store.AskAsync(kind, tenant, id, span.Since!.Value, until, audit, ct);
        return TypedResults.Accepted($"/integrations/{view.IntegrationId}/tasks/{view.Id}", view);
    }

    private static async Task<Ok<Page<TaskView>>> List(string id, PageQuery page, Tenant tenant, RecoveryStore store, CancellationToken ct) =>
        TypedResults.Ok(Page<TaskView>.Of(await store.ListAsync(tenant, id, page, ct), page, t => t.Id[4..]));

    private static async Task<Ok<TaskView>> Get(string id, string task, Tenant tenant, RecoveryStore store, CancellationToken ct) =>
        TypedResults.Ok(await store.GetAsync(tenant, id, task, ct));

    private static async Task<Ok<TaskView>> Cancel(
        string id, string task, NoMembers _, Tenant tenant, RecoveryStore store, AuditContext audit, CancellationToken ct) =>
        TypedResults.Ok(await store.CancelAsync(tenant, id, task, audit, ct));
}
