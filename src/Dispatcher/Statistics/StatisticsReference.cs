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

    private static readonly Parameter Organization =
        Parameter.Identifier("organization", "Only this organization. Absent: for operators all of them, for others their own.", Examples.Organization);

    public static readonly Operation OfScope = new(
        "getStats", "How the server, an organization or a project does, over time",
        "Events accepted, attempts by outcome, deliveries by how they ended, what waits now, and a time series: for operators of the whole server or one " +
        "organization, for others of their own. Of a project it is the sum of its integrations; events are counted by organization, so `accepted` is null then." + Resolution)
    {
        Parameters = [Since, Until, Organization],
    };

    public static readonly Operation Failing = new(
        "listFailingIntegrations", "Which integrations fail most",
        "Integrations with failed attempts in a span, the one with the most first, each with its organization and how it stands now. Counted by whole hours. Changes nothing.")
    {
        Parameters =
        [
            Since, Until, Organization,
            Parameter.Number("limit", "How many to give.", 1, FailureRanking.MaxLimit, FailureRanking.DefaultLimit),
        ],
    };
}
