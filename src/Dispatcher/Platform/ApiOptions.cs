// What requests may cost this node.

using Dispatcher.Access;

namespace Dispatcher.Platform;

/// <summary>Section <c>Dispatcher:Api</c>. Every limit is one of each node, not of all together.</summary>
internal sealed class ApiOptions
{
    /// <summary>Requests a second of one admin or member key that has no limit of its own. 0 to 1000000, default 1000; 0: no limit.</summary>
    public int RequestsPerSecond { get; set; } = 1000;

    /// <summary>Requests that such a key may make at once after a pause. 1 to 10000000, default 5000.</summary>
    public int Burst { get; set; } = 5000;

    /// <summary>Unknown keys a minute from one address before further ones are refused unseen. 0 to 1000000, default 1000; 0: no limit.</summary>
    public int FailedKeysPerMinute { get; set; } = 1000;

    /// <summary>How long a request's body may take to arrive, from its first byte that is waited for to its last. Above 0 to 3600, default 30.</summary>
    public double BodyTimeoutSeconds { get; set; } = 30;

    /// <summary>Request bodies held in memory at once, in MiB; beyond it requests are answered with 503. 1 to 65536, default 256.</summary>
    public int MaxBodyMegabytes { get; set; } = 256;

    public IEnumerable<string> Faults()
    {
        if (RequestsPerSecond is < 0 or > KeyLimits.MaxPerSecond) yield return $"Dispatcher:Api:RequestsPerSecond must be from 0 to {KeyLimits.MaxPerSecond}.";
        if (Burst is < 1 or > 10_000_000) yield return "Dispatcher:Api:Burst must be from 1 to 10000000.";
        // Buckets are filled ten times a second: a smaller one could not hold what comes in.
        else if (RequestsPerSecond <= KeyLimits.MaxPerSecond && Burst < RequestsPerSecond / 10) yield return "Dispatcher:Api:Burst must be at least a tenth of Dispatcher:Api:RequestsPerSecond.";
        if (FailedKeysPerMinute is < 0 or > 1_000_000) yield return "Dispatcher:Api:FailedKeysPerMinute must be from 0 to 1000000.";
        if (!(BodyTimeoutSeconds is > 0 and <= 3600)) yield return "Dispatcher:Api:BodyTimeoutSeconds must be above 0 and at most 3600.";
        if (MaxBodyMegabytes is < 1 or > 65_536) yield return "Dispatcher:Api:MaxBodyMegabytes must be from 1 to 65536.";
    }
}
