// Counting in memory: what is taken is what was counted, once, in the order in which every node writes it.

using System.Diagnostics.Metrics;
using Dispatcher.Sending;
using Dispatcher.Statistics;

namespace Dispatcher.Tests.Statistics;

public sealed class CountersTests
{
    private static readonly TimeSpan Millisecond = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Every_outcome_of_an_attempt_has_a_place_of_its_own()
    {
        Assert.Equal(Enum.GetValues<SendOutcome>().Except([SendOutcome.Interrupted]).Order(), OutcomeOrder.All.Order());
        for (var i = 0; i < OutcomeOrder.All.Length; i++) Assert.Equal(i, OutcomeOrder.PlaceOf(OutcomeOrder.All[i]));
    }

    [Fact]
    public void The_places_of_outcomes_are_those_of_the_database_and_do_not_change() => Assert.Equal(
        "succeeded server_error client_error connection_refused connect_timeout headers_timeout rate_limited dns_failed tls_failed connection_reset "
        + "body_timeout redirected gone unreachable connection_failed protocol_error unexpected_status response_headers_too_large address_forbidden proxy_failed",
        string.Join(' ', OutcomeOrder.All.Select(SendOutcomes.ToName)));

    [Fact]
    public void Organizations_and_the_server_have_the_sums_of_their_integrations()
    {
        var counters = new Counters(new EngineMeter(new Meter("Tests")));
        var (a, b, c) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        counters.Attempt("one", a, SendOutcome.Succeeded, Millisecond, DeliveryEnd.Succeeded);
        counters.Attempt("one", a, SendOutcome.ServerError, Millisecond * 2, DeliveryEnd.None);
        counters.Attempt("one", b, SendOutcome.ClientError, Millisecond * 4, DeliveryEnd.Exhausted);
        counters.Attempt("two", c, SendOutcome.Succeeded, Millisecond * 8, DeliveryEnd.Succeeded);
        counters.Ended("two", c, DeliveryEnd.Cancelled, 5);
        counters.Accepted("two", 3);

        var rows = counters.Take()!;

        Assert.Equal([1, 1, 0], Row(rows, "one", Guid.Empty).Outcomes.Take(2).Append(Row(rows, "one", Guid.Empty).Cancelled));
        Assert.Equal([2, 1, 1], Row(rows, "", Guid.Empty).Outcomes);
        Assert.Equal((2, 1, 5), (Row(rows, "", Guid.Empty).Succeeded, Row(rows, "", Guid.Empty).Exhausted, Row(rows, "", Guid.Empty).Cancelled));
        Assert.Equal((1, 3), (Row(rows, "", Guid.Empty).Events, Row(rows, "", Guid.Empty).Deliveries));
        Assert.Equal((0, 0), (Row(rows, "two", c).Events, Row(rows, "one", Guid.Empty).Deliveries));
        Assert.Equal(15_000, Row(rows, "", Guid.Empty).LatencyMicroseconds);
        Assert.Equal(4, Row(rows, "", Guid.Empty).Latencies.Sum());
        Assert.Equal(6, rows.Count);
    }

    [Fact]
    public void Integrations_come_first_and_the_row_that_all_nodes_share_comes_last_in_one_order_everywhere()
    {
        var ids = Enumerable.Range(0, 20).Select(_ => Guid.NewGuid()).ToArray();
        var orders = new[] { ids, [.. ids.Reverse()] }.Select(order =>
        {
            var counters = new Counters(new EngineMeter(new Meter("Tests")));
            foreach (var id in order) counters.Attempt(Array.IndexOf(ids, id) % 2 == 0 ? "b" : "a", id, SendOutcome.Succeeded, Millisecond, DeliveryEnd.None);
            return counters.Take()!.ConvertAll(r => (r.Organization, r.Integration));
        }).ToArray();

        Assert.Equal(orders[0], orders[1]);
        Assert.Equal([("a", Guid.Empty), ("b", Guid.Empty), ("", Guid.Empty)], orders[0].Skip(20));
        Assert.DoesNotContain(Guid.Empty, orders[0].Take(20).Select(r => r.Integration));
    }

    [Fact]
    public void What_was_taken_is_not_taken_again()
    {
        var counters = new Counters(new EngineMeter(new Meter("Tests")));
        var integration = Guid.NewGuid();
        counters.Attempt("one", integration, SendOutcome.Succeeded, Millisecond, DeliveryEnd.Succeeded);
        Assert.NotNull(counters.Take());

        Assert.Null(counters.Take());

        counters.Attempt("one", integration, SendOutcome.Succeeded, Millisecond, DeliveryEnd.Succeeded);
        Assert.Equal(1, Row(counters.Take()!, "one", integration).Succeeded);
    }

    [Fact]
    public async Task Nothing_is_lost_when_many_count_while_others_take()
    {
        const int each = 20_000;
        var counters = new Counters(new EngineMeter(new Meter("Tests")));
        var ids = Enumerable.Range(0, 3).Select(_ => Guid.NewGuid()).ToArray();
        var counting = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < each; i++) counters.Attempt("one", ids[i % ids.Length], SendOutcome.Succeeded, Millisecond, DeliveryEnd.Succeeded);
        })));
        var taken = 0L;
        while (!counting.IsCompleted) taken += Server(counters.Take());
        await counting;

        Assert.Equal(4 * each, taken + Server(counters.Take()));

        static long Server(List<CounterRow>? rows) => rows is null ? 0 : Row(rows, "", Guid.Empty).Succeeded;
    }

    private static CounterRow Row(List<CounterRow> rows, string organization, Guid integration) =>
        rows.Single(r => r.Organization == organization && r.Integration == integration);
}
