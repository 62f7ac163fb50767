// One delivery with each of its attempts: what was sent, and what came back.

using System.Text;
using Dispatcher.Deliveries;
using Dispatcher.Dispatching;
using Dispatcher.Events;
using Dispatcher.Platform;
using Hangfire.Dashboard;

namespace Dispatcher.Hangfire.Dashboard;

/// <param name="Organization">Whose it is.</param>
/// <param name="Delivery">The delivery.</param>
/// <param name="Payload">The body of each of its requests; null when its event is no longer there.</param>
internal sealed record DeliveryModel(string Organization, DeliveryDetail Delivery, string? Payload)
{
    public static async Task<RazorPage> LoadAsync(PageRequest request)
    {
        var found = await request.Services.GetRequiredService<DeliveryStore>().FindDetailAsync(request.Tenant, request.DeliveryId, request.Aborted)
            ?? throw Problem.NotFound("There is no such delivery in this organization.").AsException();
        var of = await request.Services.GetRequiredService<EventStore>().FindAsync(request.Tenant, found.EventId, request.Aborted);
        return new DeliveryPage(new DeliveryModel(request.Tenant.Organization, found, of is null ? null : Encoding.UTF8.GetString(of.Payload.Utf8)));
    }
}

internal sealed class DeliveryPage(DeliveryModel model) : DrawnPage("Delivery")
{
    private DeliveryDetail Delivery => model.Delivery;

    protected override Markup Draw() => Markup.Of(
        $"""
        <dl class="dl-horizontal">
        <dt>Delivery</dt><dd><code>{Delivery.Id}</code></dd>
        <dt>Organization</dt><dd>{model.Organization}</dd>
        <dt>Event</dt><dd><code>{Delivery.EventId}</code> {Delivery.EventType}</dd>
        <dt>Integration</dt><dd><a href="{Link("/deliveries", ("organization", model.Organization), ("integration", Delivery.IntegrationId))}"><code>{Delivery.IntegrationId}</code></a></dd>
        <dt>Project</dt><dd>{Delivery.Project ?? "—"}</dd>
        <dt>Status</dt><dd>{DeliveryTable.Status(Delivery.Status)}</dd>
        <dt>Accepted</dt><dd>{Moment(Delivery.CreatedAt)}</dd>
        <dt>Next attempt</dt><dd>{Moment(Delivery.NextAttemptAt)}</dd>
        <dt>Finished</dt><dd>{Moment(Delivery.FinishedAt)}</dd>
        </dl>
        {Buttons()}
        <h2>Request body</h2><pre>{model.Payload ?? "The event is no longer stored."}</pre>
        <h2>Attempts</h2>
        {(Delivery.Attempts.Count == 0 ? Markup.Of($"<p>None so far.</p>") : Markup.Join(Delivery.Attempts, Attempt))}
        """);

    private Markup? Buttons()
    {
        if (IsReadOnly) return null;
        var cancel = DeliveryStatus.Live.Contains(Delivery.Status) ? Button("cancel", "Cancel", "btn-death", "Nothing more of this delivery will be sent. Cancel it?") : null;
        return Markup.Of($"""<p>{Button("retry", "Send again now", "btn-default", null)} {cancel}</p>""");
    }

    // The page's script posts, with the token that stands in the page's head.
    private Markup Button(string action, string text, string style, string? question) => Markup.Of(
        $"""<button class="btn btn-sm {style}" data-ajax="{Link($"/deliveries/{Delivery.Id}/{action}", ("organization", model.Organization))}" data-confirm="{question}" data-loading-text="…">{text}</button>""");

    private static Markup Attempt(AttemptView a) => Markup.Of(
        $"""
        <h3>{a.Number}. {DeliveryTable.Outcome(a.Outcome, a.StatusCode)} <small>{a.StartedAt:u}, {a.LatencyMs:0.0} ms, {a.Address ?? "not connected"}</small></h3>
        {(a.Error is null ? null : Markup.Of($"""<div class="alert alert-warning">{a.Error}</div>"""))}
        <div class="row"><div class="col-md-6"><h4>Request</h4>{Headers(a.RequestHeaders)}</div>
        <div class="col-md-6"><h4>Response</h4>{Headers(a.ResponseHeaders)}{(a.ResponseBody is null ? null : Markup.Of($"<pre>{a.ResponseBody}</pre>"))}</div></div>
        """);

    private static Markup? Headers(IReadOnlyDictionary<string, string>? headers) =>
        headers is null ? Markup.Of($"<p>None.</p>") : Markup.Of($"<pre>{Markup.Join(headers, h => Markup.Of($"{h.Key}: {h.Value}\n"))}</pre>");
}
