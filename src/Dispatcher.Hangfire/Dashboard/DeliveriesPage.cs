// "Deliveries": those of all organizations or of one, with the API's filters and cursors.

using Dispatcher.Deliveries;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Hangfire.Dashboard;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>A page of deliveries, and what it was asked for.</summary>
internal sealed record DeliveriesModel(PageRequest Request, Page<ServerDelivery> Page, bool IsFirst)
{
    /// <summary>The filters, by their names in the API's query.</summary>
    public static readonly string[] Filters = ["integration", "event", "type", "status", "since", "until"];

    public static async Task<RazorPage> LoadAsync(PageRequest request)
    {
        var filter = new QueryFilter(request.Http.Request.Query);
        var query = DeliveryQuery.Read(filter);
        filter.ThrowIfFaulty();
        var page = (await PageQuery.BindAsync(request.Http, null!))!;
        var found = await request.Services.GetRequiredService<ServerDeliveries>().ListAsync(request.Organization, query, page, request.Aborted);
        return new DeliveriesPage(new DeliveriesModel(request, Page<ServerDelivery>.Of(found, page, d => d.Id[4..]), page.After is null));
    }

    public string? this[string filter] => Request.Http.Request.Query[filter];
}

internal sealed class DeliveriesPage(DeliveriesModel model) : DrawnPage("Deliveries")
{
    protected override Markup Draw() => Markup.Of($"{Form()}{List()}{Older()}");

    private Markup Form() => Markup.Of(
        $"""
        <form class="form-inline" method="get" action="{Url.To("/deliveries")}">
        {Field("organization", "Organization", model.Request.Organization, "any")}
        <label>Status <select class="form-control input-sm" name="status"><option value="">any</option>{Markup.Join(DeliveryStatus.All, Option)}</select></label>
        {Field("integration", "Integration", model["integration"], "int_…")}
        {Field("event", "Event", model["event"], "evt_…")}
        {Field("type", "Type", model["type"], "job.completed")}
        {Field("since", "Since", model["since"], "2026-01-31T12:00:00Z")}
        {Field("until", "Until", model["until"], "2026-02-01T12:00:00Z")}
        <button class="btn btn-primary btn-sm">Show</button>
        </form><br>
        """);

    private static Markup Field(string name, string label, string? value, string example = "") => Markup.Of(
        $"""<label>{label} <input class="form-control input-sm" name="{name}" value="{value}" placeholder="{example}"></label> """);

    private Markup Option(string status) => status == model["status"]
        ? Markup.Of($"""<option selected>{status}</option>""") : Markup.Of($"<option>{status}</option>");

    private Markup List()
    {
        if (model.Page.Data.Count == 0)
        {
            var text = model.Page.NextCursor is not null ? "None found so far. The search goes on with the older ones."
                : model.IsFirst ? "There are no such deliveries." : "There are no older ones.";
            return Markup.Of($"""<div class="alert alert-info">{text}</div>""");
        }

        return DeliveryTable.Draw(model.Page.Data, Row);
    }

    private Markup Row(ServerDelivery d) => DeliveryTable.Row(
        d, Link($"/deliveries/{d.Id}", ("organization", d.Organization)), Link("/deliveries", ("organization", d.Organization), ("integration", d.IntegrationId)));

    private Markup? Older()
    {
        if (model.Page.NextCursor is not { } cursor) return null;
        var query = DeliveriesModel.Filters.Select(f => (f, model[f])).Append(("organization", model.Request.Organization)).Append(("limit", model["limit"])).Append(("cursor", cursor));
        return Markup.Of($"""<a class="btn btn-default" rel="next" href="{Link("/deliveries", query)}">Older</a>""");
    }
}
