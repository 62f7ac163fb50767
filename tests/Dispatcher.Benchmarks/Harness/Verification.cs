// A figure counts only when everything arrived, once, as it was sent, and was recorded. Each finding is a sentence for the report.
namespace Dispatcher.Benchmarks.Harness;

internal static class Verification
{
    /// <summary>What is wrong with a round's arrivals; empty when nothing is.</summary>
    public static IReadOnlyList<string> OfArrivals(LedgerSummary arrivals, int expected)
    {
        List<string> problems = [];
        Expect(arrivals.Received == expected, $"{expected - arrivals.Received:n0} of {expected:n0} events did not arrive");
        Expect(arrivals.Duplicates == 0, $"{arrivals.Duplicates:n0} events arrived again");
        Expect(arrivals.Altered == 0, $"{arrivals.Altered:n0} payloads were not what was sent");
        Expect(arrivals.Strays == 0, $"{arrivals.Strays:n0} POSTs belonged to an earlier round");
        Expect(arrivals.Forged == 0, $"{arrivals.Forged:n0} sampled signatures did not verify");
        Expect(arrivals.SharedIds == 0, $"{arrivals.SharedIds:n0} events had no webhook-id of their own");
        return problems;

        void Expect(bool met, string otherwise)
        {
            if (!met) problems.Add(otherwise);
        }
    }

    /// <summary>What is wrong with a round's rows; empty when nothing is.</summary>
    /// <param name="before">The database before the round.</param>
    /// <param name="after">The database after it.</param>
    /// <param name="expected">Deliveries that the round should have added as succeeded, leaving none live.</param>
    public static IReadOnlyList<string> OfRecords(DatabaseSnapshot before, DatabaseSnapshot after, long expected)
    {
        List<string> problems = [];
        var recorded = after.Succeeded - before.Succeeded;
        if (recorded != expected) problems.Add($"{recorded:n0} of {expected:n0} deliveries are recorded as succeeded");
        if (after.Live != 0) problems.Add($"{after.Live:n0} deliveries are still in the queue");
        return problems;
    }
}
