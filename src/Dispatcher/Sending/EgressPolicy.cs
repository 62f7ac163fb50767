// What the operator lets webhooks reach.

using System.Collections.Immutable;
using System.Net;

namespace Dispatcher.Sending;

/// <summary>The egress settings. The default reaches public addresses only, over http and https.</summary>
internal sealed record EgressPolicy
{
    /// <summary>Special networks that are open all the same: exactly these addresses and no other form of them.</summary>
    public ImmutableArray<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>Whether 127.0.0.0/8 and ::1 are open, as they are in the Development environment.</summary>
    public bool AllowLoopback { get; init; }

    /// <summary>Whether plain http is refused.</summary>
    public bool RequireHttps { get; init; }
}
