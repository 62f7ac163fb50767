// The counts of one integration, one organization or the server, in memory and on their way to a row.

namespace Dispatcher.Statistics;

/// <summary>How a delivery ended, if an attempt ended it.</summary>
internal enum DeliveryEnd
{
    /// <summary>Not: there is another attempt to come.</summary>
    None,
    Succeeded,
    Exhausted,
    Cancelled,
}

/// <summary>What has been counted since the last flush. Not safe to share: <see cref="Counters"/> guards it.</summary>
internal sealed class Tally(string organization)
{
    // One array for both lists, of 32 bits: what is counted between two flushes fits.
    private readonly int[] _counts = new int[OutcomeOrder.All.Length + LatencyHistogram.Buckets];
    private long _events;
    private long _deliveries;
    private long _succeeded;
    private long _exhausted;
    private long _cancelled;
    private long _latencyMicroseconds;

    public string Organization { get; } = organization;

    public bool IsEmpty { get; private set; } = true;

    private Span<int> Outcomes => _counts.AsSpan(0, OutcomeOrder.All.Length);

    private Span<int> Latencies => _counts.AsSpan(OutcomeOrder.All.Length);

    public void Attempt(int outcome, TimeSpan latency)
    {
        IsEmpty = false;
        Outcomes[outcome]++;
        Latencies[LatencyHistogram.BucketOf(latency)]++;
        _latencyMicroseconds += latency.Ticks / TimeSpan.TicksPerMicrosecond;
    }

    public void Ended(DeliveryEnd end, long deliveries)
    {
        IsEmpty = false;
        if (end == DeliveryEnd.Succeeded) _succeeded += deliveries;
        else if (end == DeliveryEnd.Exhausted) _exhausted += deliveries;
        else if (end == DeliveryEnd.Cancelled) _cancelled += deliveries;
    }

    public void Accepted(int events, int deliveries)
    {
        IsEmpty = false;
        _events += events;
        _deliveries += deliveries;
    }

    public void Add(Tally part)
    {
        IsEmpty &= part.IsEmpty;
        _events += part._events;
        _deliveries += part._deliveries;
        _succeeded += part._succeeded;
        _exhausted += part._exhausted;
        _cancelled += part._cancelled;
        _latencyMicroseconds += part._latencyMicroseconds;
        for (var i = 0; i < _counts.Length; i++) _counts[i] += part._counts[i];
    }

    public void Clear()
    {
        IsEmpty = true;
        _events = _deliveries = _succeeded = _exhausted = _cancelled = _latencyMicroseconds = 0;
        Array.Clear(_counts);
    }

    /// <summary>The counts as a row; <see cref="Guid.Empty"/> stands for all integrations.</summary>
    public CounterRow ToRow(Guid integration)
    {
        var latencies = Latencies;
        var from = Math.Max(0, latencies.IndexOfAnyExcept(0));
        return new CounterRow(
            Organization, integration, _events, _deliveries, _succeeded, _exhausted, _cancelled, _latencyMicroseconds,
            (short)from, WithoutZerosAtTheEnd(Outcomes), WithoutZerosAtTheEnd(latencies[from..]));
    }

    private static long[] WithoutZerosAtTheEnd(ReadOnlySpan<int> counts)
    {
        var kept = new long[counts.LastIndexOfAnyExcept(0) + 1];
        for (var i = 0; i < kept.Length; i++) kept[i] = counts[i];
        return kept;
    }
}

/// <summary>A row of stats_minute and stats_hour, without its time: what is to be added.</summary>
/// <param name="Organization">Empty for the row of the whole server.</param>
/// <param name="Integration"><see cref="Guid.Empty"/> for the row of the organization or the server.</param>
/// <param name="Events">Accepted events.</param>
/// <param name="Deliveries">Deliveries that they made.</param>
/// <param name="Succeeded">Deliveries that succeeded.</param>
/// <param name="Exhausted">Deliveries whose last attempt failed.</param>
/// <param name="Cancelled">Deliveries that were given up.</param>
/// <param name="LatencyMicroseconds">The sum over all attempts.</param>
/// <param name="LatencyFrom">The bucket that the first of <paramref name="Latencies"/> stands for.</param>
/// <param name="Outcomes">Attempts in the order of <see cref="OutcomeOrder"/>.</param>
/// <param name="Latencies">Attempts by bucket.</param>
internal sealed record CounterRow(
    string Organization, Guid Integration, long Events, long Deliveries, long Succeeded, long Exhausted, long Cancelled,
    long LatencyMicroseconds, short LatencyFrom, long[] Outcomes, long[] Latencies);
