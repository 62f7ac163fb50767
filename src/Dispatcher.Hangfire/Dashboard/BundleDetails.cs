// On the page of a bundle's job: its deliveries.

using System.Globalization;
using Dispatcher.Platform;
using Hangfire.Dashboard;

namespace Dispatcher.Hangfire.Dashboard;

internal static class BundleDetails
{
    /// <summary>
    /// Links to the deliveries, which show how they stand now: the job only says what became of them while its worker waited. For jobs that
    /// are no bundles, nothing.
    /// </summary>
    public static NonEscapedString Render(JobDetailsRendererDto of)
    {
        if (BundleJob.DeliveriesOf(of.JobDetails.Job) is not { } bundled) return new NonEscapedString("");
        var rows = Markup.Join(bundled.SelectMany(b => b.Value, (b, id) => (Organization: b.Key, Id: id)), d => Markup.Of(
            $"""<tr><td><a href="{Address(of, d.Organization, d.Id)}"><code>{d.Id}</code></a></td><td>{d.Organization}</td><td>{AcceptedAt(d.Id)}</td></tr>"""));
        return new NonEscapedString(Markup.Of(
            $"""
            <h3>Deliveries</h3>
            <div class="table-responsive"><table class="table table-condensed"><thead><tr><th>Delivery</th><th>Organization</th><th>Accepted</th></tr></thead><tbody>{rows}</tbody></table></div>
            """).ToString());
    }

    private static string Address(JobDetailsRendererDto of, string organization, string id) =>
        $"{of.Page.Url.To($"/deliveries/{Uri.EscapeDataString(id)}")}?organization={Uri.EscapeDataString(organization)}";

    private static string AcceptedAt(string id) =>
        Ids.TryParse(Ids.Delivery, id, out var delivery) ? Ids.TimeOf(delivery).ToString("u", CultureInfo.InvariantCulture) : "";
}
