// What the receiver writes down about one round: which events came, how often, when, and whether they were what was sent.
using System.Diagnostics;
using System.Text.Json.Serialization;

namespace Dispatcher.Benchmarks.Harness;

/// <summary>What to expect of a round.</summary>
/// <param name="Round">Number of the round; payloads of other rounds are strays.</param>
/// <param name="Expected">Events in the round, numbered from 0.</param>
/// <param name="Mark">The arrival whose time is kept as <see cref="LedgerSummary.MarkedAt"/>: the end of the warm-up. 0: none.</param>
/// <param name="Secrets">The <c>whsec_</c> secrets that the POSTs are signed with: event n goes to the integration n modulo their number.</param>
internal sealed record LedgerSettings(int Round, int Expected, int Mark, string[] Secrets);

/// <summary>The findings of a round. Times are Stopwatch ticks, latencies milliseconds; 0 where there is nothing yet.</summary>
/// <param name="Received">Different events that came, exactly as sent.</param>
/// <param name="Duplicates">POSTs of an event that had come before.</param>
/// <param name="Altered">POSTs whose body is not what was sent.</param>
/// <param name="Strays">POSTs of another round.</param>
/// <param name="Forged">Sampled POSTs whose signature does not verify.</param>
/// <param name="SharedIds">Events that came under a webhook-id that another event had too, or without one.</param>
/// <param name="FirstAt">First arrival.</param>
/// <param name="MarkedAt">The arrival that the settings' mark names.</param>
/// <param name="LastAt">The arrival that made the round complete.</param>
/// <param name="MedianMs">Median of sent to received.</param>
/// <param name="P99Ms">99th percentile of the same.</param>
/// <param name="MaxMs">The slowest.</param>
internal sealed record LedgerSummary(
    int Received, int Duplicates, int Altered, int Strays, int Forged, int SharedIds,
    long FirstAt, long MarkedAt, long LastAt, double MedianMs, double P99Ms, double MaxMs);

/// <summary>Records arrivals without locks: it runs on the same cores as what is measured.</summary>
internal sealed class Ledger(LedgerSettings settings)
{
    /// <summary>One POST in so many has its signature verified: enough to notice, too few to cost.</summary>
    private const int SignatureSample = 64;

    private readonly byte[][] _keys = Array.ConvertAll(settings.Secrets, Signature.KeyOf);
    private readonly int[] _arrivals = new int[settings.Expected];
    private readonly string?[] _ids = new string?[settings.Expected];
    private readonly long[] _ticks = new long[settings.Expected];
    private int _received, _duplicates, _altered, _strays, _forged;
    private long _firstAt, _markedAt, _lastAt;

    public int Received => Volatile.Read(ref _received);

    public void Record(ReadOnlySpan<byte> body, string? id, string? timestamp, string? signatures)
    {
        var now = Stopwatch.GetTimestamp();
        if (!Payload.TryRead(body, out var round, out var number, out var sentAt))
        {
            Interlocked.Increment(ref _altered);
            return;
        }

        if (round != settings.Round || number >= settings.Expected)
        {
            Interlocked.Increment(ref _strays);
            return;
        }

        if (number % SignatureSample == 0 && !Verifies(_keys[number % _keys.Length], body, id, timestamp, signatures))
            Interlocked.Increment(ref _forged);

        if (Interlocked.Increment(ref _arrivals[number]) > 1)
        {
            Interlocked.Increment(ref _duplicates);
            return;
        }

        _ids[number] = id;
        _ticks[number] = now - sentAt;
        var arrival = Interlocked.Increment(ref _received);
        if (arrival == 1) _firstAt = now;
        if (arrival == settings.Mark) _markedAt = now;
        if (arrival == settings.Expected) _lastAt = now;
    }

    /// <summary>Adds everything up. Meant for when the round is over: it sorts.</summary>
    public LedgerSummary Summarize()
    {
        var ids = new HashSet<string>(settings.Expected, StringComparer.Ordinal);
        var shared = 0;
        var latencies = new List<long>(settings.Expected);
        for (var number = 0; number < settings.Expected; number++)
        {
            if (Volatile.Read(ref _arrivals[number]) == 0) continue;
            if (string.IsNullOrEmpty(_ids[number]) || !ids.Add(_ids[number]!)) shared++;
            latencies.Add(_ticks[number]);
        }

        latencies.Sort();
        return new LedgerSummary(
            Received, _duplicates, _altered, _strays, _forged, shared, _firstAt, _markedAt, _lastAt,
            Percentile(latencies, 0.50), Percentile(latencies, 0.99), Percentile(latencies, 1));
    }

    private static bool Verifies(byte[] key, ReadOnlySpan<byte> body, string? id, string? timestamp, string? signatures)
    {
        if (id is null || timestamp is null || signatures is null) return false;
        var expected = Signature.Sign(key, id, timestamp, body);
        return signatures.Split(' ').Contains(expected, StringComparer.Ordinal);
    }

    // The nearest rank.
    private static double Percentile(List<long> sorted, double share)
    {
        if (sorted.Count == 0) return 0;
        var rank = Math.Max(1, (int)Math.Ceiling(sorted.Count * share));
        return Stopwatch.GetElapsedTime(0, sorted[rank - 1]).TotalMilliseconds;
    }
}

[JsonSerializable(typeof(LedgerSettings))]
[JsonSerializable(typeof(LedgerSummary))]
internal sealed partial class LedgerJson : JsonSerializerContext;
