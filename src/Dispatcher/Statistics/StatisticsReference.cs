// What the API reference says of statistics.

using Dispatcher.Platform;

namespace Dispatcher.Statistics;

internal static class StatisticsReference
{
    private static readonly Parameter Since = Parameter.Time("since", "The beginning of the span, at most 31 days before its end. Absent: 24 hours before its end.");
    private static readonly Parameter Until = Parameter.Time("until", "The end of the span. Absent: now.");

    private const string Resolution = " Spans of up to 6 hours that began within the last days come by the minute, longer and older ones by the hour. Changes nothing.";

    public static readonly Operation OfIntegration = new(
        "getIntegrationStats", "How an integration does, over time",
        "Attempts by outcome, deliveries by how they ended, success rate, latencies, and a time series." + Resolution)
    {
        Parameters = [Parameter.Id("id", Ids.Integration, "The integration's id."), Since, Until],
    };

    public static readonly Operation OfServer = new(
        "getServerStats", "How the server, or one organization, does, over time",
        "Events accepted, attempts by outcome, deliveries by how they ended, what waits now, and a time series." + Resolution)
    {
        Parameters = [Since, Until, Parameter.Identifier("organization", "Only this organization. Absent: all of them.", Examples.Organization)],
    };
}
