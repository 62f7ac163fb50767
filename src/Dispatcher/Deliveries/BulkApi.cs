// /deliveries/bulk: one action on all deliveries that a filter matches, worked off as a task.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Platform;
using Dispatcher.Recoveries;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Dispatcher.Deliveries;

internal static class BulkApi
{
    public static void MapBulk(this IEndpointRouteBuilder app)
    {
        var read = app.MapGroup("/deliveries/bulk").WithTags("Deliveries").WithMetadata(Admits.Readers);
        read.MapGet("/", List).Describe(BulkReference.List);
        read.MapGet("/count", Count).Describe(BulkReference.Count);
        read.MapGet("/{task}", Get).Describe(BulkReference.Get);

        var write = app.MapGroup("/deliveries/bulk").WithTags("Deliveries").WithMetadata(Admits.Writers);
        write.MapPost("/", Ask).Describe(BulkReference.Ask);
        write.MapPost("/{task}/cancel", Cancel).Describe(BulkReference.Cancel);
    }

    private static async Task<Accepted<BulkTaskView>> Ask(
        Body<BulkRequest> body, Tenant tenant, BulkStore store, AuditContext audit, TimeProvider time, CancellationToken ct)
    {
        BulkOrder? order = null;
        body.Check((r, faults) =>
        {
            faults.Require(BulkAction.All.Contains(r.Action), "action", $"must be one of {string.Join(", ", BulkAction.All)}.");
            faults.Require(r.Filter is not null, "filter", "is required: an object; an empty one matches all that the action takes.");
            if (r.Filter is not null) order = OrderOf(r.Action, r.Filter, "filter.", faults, tenant, time);
        });
        var view = await store.AskAsync(tenant, order!, audit, ct);
        return TypedResults.Accepted($"/deliveries/bulk/{view.Id}", view);
    }

    private static async Task<Ok<BulkCountView>> Count(HttpContext context, Tenant tenant, BulkStore store, TimeProvider time, CancellationToken ct)
    {
        var query = new QueryFilter(context.Request.Query);
        var action = query.Text("action", BulkAction.All.Contains, $"must be one of {string.Join(", ", BulkAction.All)}") ?? BulkAction.Retry;
        var integration = query.Id("integration", Ids.Integration);
        var filter = new BulkFilterView(
            integration is { } id ? Ids.Format(Ids.Integration, id) : null,
            query.Text("type", t => EventNames.IsType(t), EventNames.Rule),
            query.Text("status", BulkAction.StatusesOf(action).Contains, $"must be one that {action} takes: {string.Join(", ", BulkAction.StatusesOf(action))}"),
            query.Time("since"),
            query.Time("until"));
        query.ThrowIfFaulty();
        var faults = new Faults();
        var order = OrderOf(action, filter, "", faults, tenant, time);
        faults.ThrowIfAny();
        return TypedResults.Ok(await store.CountAsync(tenant, order, ct));
    }

    private static async Task<Ok<Page<BulkTaskView>>> List(PageQuery page, Tenant tenant, BulkStore store, CancellationToken ct) =>
        TypedResults.Ok(Page<BulkTaskView>.Of(await store.ListAsync(tenant, page, ct), page, t => t.Id[4..]));

    private static async Task<Ok<BulkTaskView>> Get(string task, Tenant tenant, BulkStore store, CancellationToken ct) =>
        TypedResults.Ok(await store.GetAsync(tenant, task, ct));

    private static async Task<Ok<BulkTaskView>> Cancel(
        string task, NoMembers _, Tenant tenant, BulkStore store, AuditContext audit, CancellationToken ct) =>
        TypedResults.Ok(await store.CancelAsync(tenant, task, audit, ct));

    /// <summary>Checks a filter, and gives what it means for this tenant and now. Of use only where nothing was at fault.</summary>
    private static BulkOrder OrderOf(string? action, BulkFilterView filter, string prefix, Faults faults, Tenant tenant, TimeProvider time)
    {
        var (now, integration) = (time.GetUtcNow(), Guid.Empty);
        // Where the action is at fault itself, any status that there is may be right.
        var taken = BulkAction.All.Contains(action) ? BulkAction.StatusesOf(action!) : DeliveryStatus.All;
        faults.Require(
            filter.Integration is null || Ids.TryParse(Ids.Integration, filter.Integration, out integration), prefix + "integration",
            $"must be an id that begins with \"{Ids.Integration}\".");
        faults.Require(filter.Type is null || EventNames.IsType(filter.Type), prefix + "type", EventNames.Rule + ".");
        faults.Require(
            filter.Status is null || taken.Contains(filter.Status), prefix + "status",
            $"must be one that the action takes: {string.Join(", ", taken)}.");
        faults.Require(filter.Since is null || filter.Since < now, prefix + "since", "must be in the past.");
        faults.Require(filter.Until is null || filter.Since is null || filter.Until > filter.Since, prefix + "until", "must be later than since.");
        // Ids count whole milliseconds: what was accepted in the one that it is now belongs to the past.
        var until = filter.Until is { } given && given < now ? given : DateTimeOffset.FromUnixTimeMilliseconds(now.ToUnixTimeMilliseconds() + 1);
        return new BulkOrder(
            action ?? "", new BulkFilter(filter.Integration is null ? null : integration, filter.Type, filter.Status is null ? taken : [filter.Status], tenant.Project),
            filter.Since, until);
    }
}
