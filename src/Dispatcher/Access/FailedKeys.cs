// Slows down whoever tries keys that are none, and keeps the database from being asked for each.

using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Dispatcher.Platform;

namespace Dispatcher.Access;

/// <summary>
/// Counts the unknown keys of each client address within the last minute. While there are too many, keys that this node has not seen are
/// answered with 429 without being looked at; keys that have worked before go on working.
/// </summary>
internal sealed class FailedKeys(DispatcherOptions options) : IDisposable
{
    /// <summary>An IPv6 client commands the rest of its /64: those are one.</summary>
    private const int ClientBytes = 8;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private const int Segments = 6;

    // By a hash of the address, so that there are at most 65,536 however many addresses try. The hash is another one in each process.
    private readonly PartitionedRateLimiter<IPAddress?> _counts = PartitionedRateLimiter.Create<IPAddress?, ushort>(
        address => RateLimitPartition.GetSlidingWindowLimiter(ClientOf(address), _ => new()
        {
            PermitLimit = options.Api.FailedKeysPerMinute,
            Window = Window,
            SegmentsPerWindow = Segments,
            QueueLimit = 0,
        }));

    /// <summary>Lets a key be looked up that was not seen before.</summary>
    /// <exception cref="ProblemException">429: too many from this address were none.</exception>
    public void Admit(IPAddress? from)
    {
        if (options.Api.FailedKeysPerMinute == 0) return;
        using var lease = _counts.AttemptAcquire(from, permitCount: 0);
        if (lease.IsAcquired) return;
        throw new ProblemException(Problem.Busy("Too many unknown keys came from this address; none is looked at for a while."))
        {
            // When the oldest part of the minute is forgotten.
            RetryAfter = Window / Segments,
        };
    }

    /// <summary>Notes a key that was none.</summary>
    public void Count(IPAddress? from)
    {
        if (options.Api.FailedKeysPerMinute > 0) _counts.AttemptAcquire(from).Dispose();
    }

    public void Dispose() => _counts.Dispose();

    /// <summary>Which count an address shares; a connection without one (a Unix socket) the same as all such.</summary>
    internal static ushort ClientOf(IPAddress? address)
    {
        if (address is null) return 0;
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        var hash = default(HashCode);
        hash.AddBytes(bytes[..(address.AddressFamily == AddressFamily.InterNetworkV6 ? ClientBytes : length)]);
        return (ushort)hash.ToHashCode();
    }
}
