// Deliveries as rows of a table.

using Dispatcher.Deliveries;
using Dispatcher.Dispatching;

namespace Dispatcher.Hangfire.Dashboard;

internal static class DeliveryTable
{
    public static Markup Draw(IEnumerable<ServerDelivery> deliveries, Func<ServerDelivery, Markup> row) => Markup.Of(
        $"""
        <div class="table-responsive"><table class="table table-hover">
        <thead><tr><th>Delivery</th><th>Organization</th><th>Event</th><th>Integration</th><th>Status</th><th>Attempts</th><th>Last outcome</th><th>Accepted</th><th>Next attempt</th><th>Finished</th></tr></thead>
        <tbody>{Markup.Join(deliveries, row)}</tbody></table></div>
        """);

    public static Markup Row(ServerDelivery d, string link, string integrationLink) => Markup.Of(
        $"""
        <tr><td><a href="{link}"><code>{d.Id}</code></a></td><td>{d.Organization}</td><td>{d.EventType}</td><td><a href="{integrationLink}"><code>{d.IntegrationId}</code></a></td>
        <td>{Status(d.Status)}</td><td>{d.AttemptCount}</td><td>{Outcome(d.LastOutcome, d.LastStatusCode)}</td>
        <td>{DrawnPage.Moment(d.CreatedAt)}</td><td>{DrawnPage.Moment(d.NextAttemptAt)}</td><td>{DrawnPage.Moment(d.FinishedAt)}</td></tr>
        """);

    public static Markup Status(string status)
    {
        var tone = status switch
        {
            DeliveryStatus.Succeeded => "success",
            DeliveryStatus.Failed => "warning",
            DeliveryStatus.Exhausted => "danger",
            _ => "default",
        };
        return Markup.Of($"""<span class="label label-{tone}">{status}</span>""");
    }

    public static string Outcome(string? outcome, int? statusCode) => (outcome, statusCode) switch
    {
        (null, _) => "",
        (_, null) => outcome,
        _ => $"{outcome} ({statusCode})",
    };
}
