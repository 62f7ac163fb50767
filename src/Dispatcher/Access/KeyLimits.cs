// How many requests a second a key may make on this node.

using System.Threading.RateLimiting;
using Dispatcher.Platform;

namespace Dispatcher.Access;

/// <summary>
/// A token bucket per key. Admins and members, which customers hold, have the limit of the settings; operators and emitters, which the
/// provider's own programs hold, have none. A key's own limit replaces either, and allows one second's worth at once. Portal sessions count
/// with the key that made them. Buckets that are
/// full again are dropped: what is kept are the keys in use.
/// </summary>
internal sealed class KeyLimits(DispatcherOptions options) : IDisposable
{
    /// <summary>The highest limit that a key or the settings may have.</summary>
    public const int MaxPerSecond = 1_000_000;

    private readonly PartitionedRateLimiter<Bucket> _buckets =
        PartitionedRateLimiter.Create<Bucket, Bucket>(bucket => RateLimitPartition.GetTokenBucketLimiter(bucket, static b => b.Options));

    /// <summary>Takes one request off the key's bucket.</summary>
    /// <exception cref="ProblemException">429: the bucket is empty.</exception>
    public void Admit(Caller caller)
    {
        if (BucketOf(caller) is not { } bucket) return;
        using var lease = _buckets.AttemptAcquire(bucket);
        if (lease.IsAcquired) return;
        throw new ProblemException(Problem.Busy($"This key makes more than {bucket.PerSecond} requests a second. Nothing was done; try again later."))
        {
            RetryAfter = lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? wait : TimeSpan.FromSeconds(1),
        };
    }

    public void Dispose() => _buckets.Dispose();

    private Bucket? BucketOf(Caller caller)
    {
        // The key of the configuration is the server's own.
        if ((caller.Maker ?? caller.KeyId) is not { } key) return null;
        if (caller.RateLimitPerSecond is { } own) return new Bucket(key, own, own);
        return caller.Role is Role.Admin or Role.Member && options.Api.RequestsPerSecond > 0
            ? new Bucket(key, options.Api.RequestsPerSecond, options.Api.Burst)
            : null;
    }

    /// <summary>The limit of a key that a caller makes: operators choose; others give at most what they have themselves, whatever its role.</summary>
    public int? ForNewKey(Caller maker, int? asked)
    {
        if (maker.Organization is null) return asked;
        int? most = maker.RateLimitPerSecond ?? (options.Api.RequestsPerSecond > 0 ? options.Api.RequestsPerSecond : null);
        return most is { } own ? Math.Min(asked ?? own, own) : asked;
    }

    private readonly record struct Bucket(Guid Key, int PerSecond, int Burst)
    {
        /// <summary>Filled in steps of some milliseconds: a rate of 15 is 15, and not the 10 of a token each tenth of a second.</summary>
        public TokenBucketRateLimiterOptions Options
        {
            get
            {
                var step = 1 + (PerSecond / 100);
                return new()
                {
                    TokenLimit = Burst,
                    TokensPerPeriod = step,
                    ReplenishmentPeriod = TimeSpan.FromSeconds((double)step / PerSecond),
                    QueueLimit = 0,
                };
            }
        }
    }
}
