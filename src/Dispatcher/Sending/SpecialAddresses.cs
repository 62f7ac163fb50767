// The addresses that are not ordinary public hosts: IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890 and its
// successors), multicast, and the transition prefixes that hide an IPv4 address inside an IPv6 one.

using System.Net;
using System.Net.Sockets;

namespace Dispatcher.Sending;

/// <summary>Says what an address is, if it is anything but an ordinary public one.</summary>
internal static class SpecialAddresses
{
    private static readonly (IPNetwork Network, string Purpose)[] IPv4 =
    [
        (IPNetwork.Parse("0.0.0.0/8"), "of 'this network'"),
        (IPNetwork.Parse("10.0.0.0/8"), "private"),
        (IPNetwork.Parse("100.64.0.0/10"), "shared by carrier-grade NAT"),
        (IPNetwork.Parse("127.0.0.0/8"), "loopback"),
        (IPNetwork.Parse("169.254.0.0/16"), "link-local, where clouds serve their metadata"),
        (IPNetwork.Parse("172.16.0.0/12"), "private"),
        (IPNetwork.Parse("192.0.0.0/24"), "reserved for protocol assignments"),
        (IPNetwork.Parse("192.0.2.0/24"), "reserved for documentation"),
        (IPNetwork.Parse("192.31.196.0/24"), "an AS112 sink"),
        (IPNetwork.Parse("192.52.193.0/24"), "reserved for multicast tunnels"),
        (IPNetwork.Parse("192.88.99.0/24"), "a 6to4 relay"),
        (IPNetwork.Parse("192.168.0.0/16"), "private"),
        (IPNetwork.Parse("192.175.48.0/24"), "an AS112 sink"),
        (IPNetwork.Parse("198.18.0.0/15"), "reserved for benchmarks"),
        (IPNetwork.Parse("198.51.100.0/24"), "reserved for documentation"),
        (IPNetwork.Parse("203.0.113.0/24"), "reserved for documentation"),
        (IPNetwork.Parse("224.0.0.0/4"), "multicast"),
        (IPNetwork.Parse("255.255.255.255/32"), "broadcast"),
        (IPNetwork.Parse("240.0.0.0/4"), "reserved"),
    ];

    private static readonly (IPNetwork Network, string Purpose)[] IPv6 =
    [
        (IPNetwork.Parse("::/128"), "unspecified"),
        (IPNetwork.Parse("::1/128"), "loopback"),
        (IPNetwork.Parse("::/96"), "an IPv4-compatible address"),
        (IPNetwork.Parse("::ffff:0:0:0/96"), "an IPv4-translated address"),
        (IPNetwork.Parse("64:ff9b:1::/48"), "reserved for local NAT64"),
        (IPNetwork.Parse("100::/64"), "discarded"),
        (IPNetwork.Parse("100:0:0:1::/64"), "a dummy"),
        (IPNetwork.Parse("2001::/32"), "a Teredo tunnel"),
        (IPNetwork.Parse("2001:2::/48"), "reserved for benchmarks"),
        (IPNetwork.Parse("2001:10::/28"), "an ORCHID identifier"),
        (IPNetwork.Parse("2001:20::/28"), "an ORCHID identifier"),
        (IPNetwork.Parse("2001:30::/28"), "a drone's identifier"),
        (IPNetwork.Parse("2001::/23"), "reserved for protocol assignments"),
        (IPNetwork.Parse("2001:db8::/32"), "reserved for documentation"),
        (IPNetwork.Parse("2002::/16"), "a 6to4 tunnel"),
        (IPNetwork.Parse("2620:4f:8000::/48"), "an AS112 sink"),
        (IPNetwork.Parse("3fff::/20"), "reserved for documentation"),
        (IPNetwork.Parse("5f00::/16"), "a segment routing identifier"),
        (IPNetwork.Parse("fc00::/7"), "private (unique local)"),
        (IPNetwork.Parse("fe80::/10"), "link-local"),
        (IPNetwork.Parse("fec0::/10"), "site-local"),
        (IPNetwork.Parse("ff00::/8"), "multicast"),
    ];

    // All that IANA has given out for ordinary hosts. Whatever lies outside is refused before anyone finds a use for it.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    // RFC 6052: the network translates to the IPv4 address in the last four bytes.
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>What is special about the address, as words that follow "is"; null for an ordinary public one.</summary>
    public static string? PurposeOf(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => Find(IPv4, address),
        AddressFamily.InterNetworkV6 when address.IsIPv4MappedToIPv6 => Find(IPv4, address.MapToIPv4()),
        AddressFamily.InterNetworkV6 when Nat64.Contains(address) =>
            Find(IPv4, LastFourBytes(address)) is { } purpose ? $"NAT64 for an address that is {purpose}" : null,
        AddressFamily.InterNetworkV6 => Find(IPv6, address) ?? (GlobalUnicast.Contains(address) ? null : "not allocated"),
        _ => "neither IPv4 nor IPv6",
    };

    private static string? Find((IPNetwork Network, string Purpose)[] table, IPAddress address)
    {
        foreach (var (network, purpose) in table)
        {
            if (network.Contains(address)) return purpose;
        }

        return null;
    }

    private static IPAddress LastFourBytes(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return new IPAddress(bytes[12..]);
    }
}
