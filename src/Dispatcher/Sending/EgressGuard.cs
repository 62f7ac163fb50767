// Keeps webhooks away from addresses that an integration's owner must not reach through this server. Fails closed.

using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Dispatcher.Sending;

/// <summary>
/// Resolves a target's name once, drops the addresses that the policy forbids, and connects to one of those that are left:
/// to the very address that was checked, so that a name whose answer changes in between gains nothing.
/// </summary>
/// <param name="policy">What is open beside public addresses.</param>
/// <param name="resolve">Name resolution; by default the system's.</param>
internal sealed class EgressGuard(EgressPolicy policy, Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null)
{
    private readonly ImmutableArray<IPNetwork> _allowed = [.. policy.AllowedNetworks.Select(Unmapped)];
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve = resolve ?? new NameResolver().ResolveAsync;

    /// <summary>
    /// Whether the policy lets this address be reached. An IPv4-mapped address is judged as the IPv4 address that it is; other
    /// forms that carry an IPv4 address (NAT64) must not carry a special one, and are not opened by an IPv4 network.
    /// </summary>
    public bool IsAllowed(IPAddress address) => RefusalOf(address) is null;

    /// <summary>
    /// Checks what can be told from the URL alone: its scheme, and its host where that is an address or <c>localhost</c>. Other
    /// names pass, and are checked when they are connected to.
    /// </summary>
    public bool TryCheckLiteral(Uri url, [NotNullWhen(false)] out string? refusal)
    {
        refusal = url.Scheme switch
        {
            "https" => null,
            "http" => policy.RequireHttps ? "This server sends to https targets only." : null,
            _ => "A target's scheme is http or https.",
        };
        refusal ??= url.HostNameType switch
        {
            UriHostNameType.IPv4 or UriHostNameType.IPv6 when IPAddress.TryParse(url.DnsSafeHost, out var address) => RefusalOf(address),
            UriHostNameType.IPv4 or UriHostNameType.IPv6 => "The target's address cannot be read.",
            UriHostNameType.Dns when IsLocalhost(url.IdnHost) => RefusalOf(IPAddress.Loopback),
            _ => null,
        };
        return refusal is null;
    }

    /// <summary>For <see cref="SocketsHttpHandler.ConnectCallback"/>: connects to the request's host, if it is allowed.</summary>
    public ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        ConnectAsync(context.DnsEndPoint, cancellationToken);

    /// <summary>Resolves, checks, and connects to a checked address.</summary>
    /// <exception cref="EgressForbiddenException">Every address of the host is forbidden.</exception>
    /// <exception cref="ConnectFailedException">No allowed address could be connected to.</exception>
    /// <exception cref="SocketException">The name could not be resolved.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint target, CancellationToken cancellationToken)
    {
        var addresses = await ResolveAllowedAsync(target.Host, cancellationToken);
        return await TcpDialer.ConnectAsync(addresses, target.Port, cancellationToken);
    }

    /// <summary>Connects to the operator's own proxy, which may well have a private address: nothing is checked.</summary>
    public async ValueTask<Stream> ConnectToProxyAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await ResolveAsync(context.DnsEndPoint.Host, cancellationToken);
        return await TcpDialer.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
    }

    /// <summary>The host's allowed addresses, at least one, in the resolver's order.</summary>
    /// <inheritdoc cref="ConnectAsync(DnsEndPoint, CancellationToken)"/>
    public async ValueTask<IPAddress[]> ResolveAllowedAsync(string host, CancellationToken cancellationToken)
    {
        var addresses = await ResolveAsync(host, cancellationToken);
        var allowed = Array.FindAll(addresses, IsAllowed);
        return allowed.Length > 0 ? allowed : throw new EgressForbiddenException(RefusalOf(addresses[0])!);
    }

    private async ValueTask<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        if (IPAddress.TryParse(host, out var literal)) return [literal];

        var addresses = await _resolve(host, cancellationToken);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.NoData);
    }

    private string? RefusalOf(IPAddress address)
    {
        if (SpecialAddresses.PurposeOf(address) is not { } purpose) return null;

        var judged = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (policy.AllowLoopback && IPAddress.IsLoopback(judged)) return null;

        foreach (var network in _allowed)
        {
            if (network.Contains(judged)) return null;
        }

        return $"The address {address} is {purpose}: this server's egress settings do not let webhooks go there.";
    }

    // RFC 6761, section 6.3: these names mean loopback, whoever answers for them.
    private static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private static IPNetwork Unmapped(IPNetwork network) => network is { BaseAddress.IsIPv4MappedToIPv6: true, PrefixLength: >= 96 }
        ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - 96)
        : network;
}
