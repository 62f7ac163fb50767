// Percentiles read from buckets, against those of the latencies themselves.

using Dispatcher.Statistics;

namespace Dispatcher.Tests.Statistics;

public sealed class LatencyHistogramTests
{
    public static TheoryData<int, double, double> Distributions => new()
    {
        // A seed, and between which milliseconds latencies spread evenly on a logarithmic scale.
        { 1, 0.3, 300_000 },
        { 2, 1, 20 },
        { 3, 90, 110 },
        { 4, 14_900, 15_100 },
        { 5, 0.26, 0.5 },
    };

    [Theory]
    [MemberData(nameof(Distributions))]
    public void A_percentile_is_within_the_documented_error_of_the_true_one(int seed, double from, double to)
    {
        var random = new Random(seed);
        foreach (var size in new[] { 1, 2, 99, 10_000 })
        {
            var latencies = Enumerable.Range(0, size).Select(_ => TimeSpan.FromMilliseconds(from * Math.Pow(to / from, random.NextDouble()))).Order().ToArray();
            var counts = Count(latencies);
            foreach (var share in new[] { 0.001, 0.5, 0.95, 0.99, 1 })
            {
                var exact = latencies[Math.Max(0, (int)Math.Ceiling(size * share) - 1)].TotalMilliseconds;
                var read = LatencyHistogram.Percentile(counts, share).TotalMilliseconds;
                Assert.InRange(Math.Abs(read - exact) / exact, 0, LatencyHistogram.MaxError);
            }
        }
    }

    [Fact]
    public void The_documented_error_is_below_ten_percent() => Assert.InRange(LatencyHistogram.MaxError, 0, 0.1);

    [Fact]
    public void Buckets_follow_the_latency_and_take_whatever_is_too_short_or_too_long()
    {
        Assert.Equal(0, LatencyHistogram.BucketOf(TimeSpan.Zero));
        Assert.Equal(0, LatencyHistogram.BucketOf(TimeSpan.FromMicroseconds(256)));
        Assert.Equal(LatencyHistogram.Buckets - 1, LatencyHistogram.BucketOf(TimeSpan.FromDays(1)));

        var buckets = Enumerable.Range(0, 600).Select(i => LatencyHistogram.BucketOf(TimeSpan.FromMicroseconds(256 * Math.Pow(1.04, i)))).ToList();
        Assert.Equal(buckets.Order(), buckets);
        Assert.Equal(Enumerable.Range(0, LatencyHistogram.Buckets), buckets.Distinct());
    }

    [Fact]
    public void An_attempt_that_runs_into_the_longest_timeout_still_has_a_bucket_of_its_own_size() =>
        Assert.True(LatencyHistogram.BucketOf(TimeSpan.FromSeconds(300)) < LatencyHistogram.Buckets - 1);

    private static long[] Count(IEnumerable<TimeSpan> latencies)
    {
        var counts = new long[LatencyHistogram.Buckets];
        foreach (var latency in latencies) counts[LatencyHistogram.BucketOf(latency)]++;
        return counts;
    }
}
