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
        if (BundleJob.DeliveriesOf(of.JobDetails.Job) is not { } ids) return new NonEscapedString("");
        var rows = Markup.Join(ids, id => Markup.Of(
            $"""<tr><td><a href="{of.Page.Url.To($"/deliveries/{Uri.EscapeDataString(id)}")}"><code>{id}</code></a></td><td>{AcceptedAt(id)}</td></tr>"""));
        return new NonEscapedString(Markup.Of(
            $"""
            <h3>Deliveries</h3>
            <div class="table-responsive"><table class="table table-condensed"><thead><tr><th>Delivery</th><th>Accepted</th></tr></thead><tbody>{rows}</tbody></table></div>
            """).ToString());
    }

    private static string AcceptedAt(string id) =>
        Ids.TryParse(Ids.Delivery, id, out var delivery) ? Ids.TimeOf(delivery).ToString("u", CultureInfo.InvariantCulture) : "";
}
