// Latencies counted in buckets that grow with them, so that a percentile is as exact for a millisecond as for a minute.

namespace Dispatcher.Statistics;

/// <summary>
/// Four buckets to each doubling, from 256 µs to about 380 s. A percentile is read as the middle of the bucket that holds it, so it is
/// off by at most <see cref="MaxError"/>. What is shorter than the first bucket or longer than the last counts in these.
/// </summary>
internal static class LatencyHistogram
{
    public const int Buckets = 82;

    /// <summary>How far a percentile may be from the true one, as a share of it: the eighth root of 2, less 1.</summary>
    public const double MaxError = 0.0906;

    private const double FirstMicroseconds = 256;
    private const int PerDoubling = 4;

    public static int BucketOf(TimeSpan latency)
    {
        var ratio = latency.TotalMicroseconds / FirstMicroseconds;
        return ratio <= 1 ? 0 : Math.Min(Buckets - 1, (int)(PerDoubling * Math.Log2(ratio)));
    }

    /// <summary>The latency that a share of the counted ones does not exceed.</summary>
    /// <param name="counts">Counts by bucket, not all zero.</param>
    /// <param name="share">Above 0, to 1.</param>
    public static TimeSpan Percentile(ReadOnlySpan<long> counts, double share)
    {
        var total = 0L;
        foreach (var count in counts) total += count;
        var rank = Math.Max(1, (long)Math.Ceiling(total * share));
        var bucket = 0;
        while (bucket < counts.Length - 1 && (rank -= counts[bucket]) > 0) bucket++;
        return TimeSpan.FromMicroseconds(FirstMicroseconds * Math.Pow(2, (bucket + 0.5) / PerDoubling));
    }
}
