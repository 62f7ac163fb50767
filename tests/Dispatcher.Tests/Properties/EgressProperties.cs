// Egress: any address of any special range, in any spelling, and the addresses outside of them all.

using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using Dispatcher.Sending;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

public sealed class EgressProperties
{
    private static readonly EgressGuard Strict = new(new EgressPolicy());

    /// <summary>The IANA IPv4 special-purpose address registry, and multicast.</summary>
    private static readonly IPNetwork[] SpecialV4 = Networks(
        "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29",
        "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
        "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
        "255.255.255.255/32", "224.0.0.0/4");

    /// <summary>The IANA IPv6 special-purpose address registry, multicast, and the deprecated forms. Mapped and NAT64 addresses are judged by what they hold.</summary>
    private static readonly IPNetwork[] SpecialV6 = Networks(
        "::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128",
        "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48",
        "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "::/96", "::ffff:0:0:0/96");

    private static readonly Gen<IPAddress> AnyV4 = Inputs.Bytes(4, 4).Select(b => new IPAddress(b));

    private static readonly Gen<IPAddress> SpecialAddressV4 = Gen.Elements(SpecialV4).SelectMany(In);

    private static readonly Gen<IPAddress> PublicV4 = AnyV4.Where(a => !SpecialV4.Any(n => n.Contains(a)));

    /// <summary>Of the eighth of IPv6 that is given out to hosts.</summary>
    private static readonly Gen<IPAddress> PublicV6 = In(IPNetwork.Parse("2000::/3")).Where(a => !SpecialV6.Any(n => n.Contains(a)));

    [Fact]
    public void Every_special_ipv4_address_is_refused_plain_mapped_and_through_nat64() => Property.Holds(
        SpecialAddressV4, address =>
        {
            Assert.False(Strict.IsAllowed(address));
            Assert.False(Strict.IsAllowed(address.MapToIPv6()));
            Assert.False(Strict.IsAllowed(Within("64:ff9b::", address, 12)));
        }, runs: 1000);

    [Fact]
    public void Every_special_ipv6_address_is_refused_with_and_without_a_zone() => Property.Holds(
        Gen.Zip(Gen.Elements(SpecialV6).SelectMany(In), Gen.Choose(0, 9)), x =>
            Assert.False(Strict.IsAllowed(new IPAddress(x.Item1.GetAddressBytes(), x.Item2)), x.Item1.ToString()), runs: 1000);

    [Fact]
    public void Every_ipv4_address_outside_of_the_registry_is_allowed_plain_mapped_and_through_nat64() => Property.Holds(
        PublicV4, address =>
        {
            Assert.True(Strict.IsAllowed(address));
            Assert.True(Strict.IsAllowed(address.MapToIPv6()));
            Assert.True(Strict.IsAllowed(Within("64:ff9b::", address, 12)));
        }, runs: 1000);

    [Fact]
    public void Every_global_ipv6_address_outside_of_the_registry_is_allowed() =>
        Property.Holds(PublicV6, address => Assert.True(Strict.IsAllowed(address), address.ToString()), runs: 1000);

    [Fact]
    public void What_was_never_given_out_is_refused() => Property.Holds(
        Inputs.Bytes(16, 16).Where(b => b[0] is < 0x20 or >= 0x40).Select(b => new IPAddress(b)).Where(a => !a.IsIPv4MappedToIPv6),
        address => Assert.False(Strict.IsAllowed(address), address.ToString()));

    [Fact]
    public void Tunnels_are_refused_whatever_address_is_inside() => Property.Holds(
        AnyV4, inside =>
        {
            Assert.False(Strict.IsAllowed(Within("2002::", inside, 2)), "6to4");
            Assert.False(Strict.IsAllowed(Within("2001::", inside, 4)), "Teredo, the server");
            Assert.False(Strict.IsAllowed(Within("2001::", inside, 12)), "Teredo, the client");
            Assert.False(Strict.IsAllowed(Within("::", inside, 12)), "IPv4-compatible");
            Assert.False(Strict.IsAllowed(Within("::ffff:0:0:0", inside, 12)), "IPv4-translated");
            Assert.False(Strict.IsAllowed(Within("64:ff9b:1::", inside, 12)), "local NAT64");
        });

    [Fact]
    public void No_spelling_of_an_ipv4_address_in_a_url_hides_what_it_is() => Property.Holds(
        from address in Gen.OneOf(SpecialAddressV4, PublicV4)
        from host in Spelling(address)
        select (address, host),
        x =>
        {
            var url = new Uri($"http://{x.host}/hook");
            var known = url.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6;

            Assert.True(known, $"{x.host} is taken for a name");
            Assert.Equal(Strict.IsAllowed(x.address), Strict.TryCheckLiteral(url, out _));
        }, runs: 1000);

    [Fact]
    public void An_ipv6_address_in_a_url_is_judged_as_the_address_that_it_is() => Property.Holds(
        from address in Gen.OneOf(Gen.Elements(SpecialV6).SelectMany(In), PublicV6)
        from upper in Gen.Elements(true, false)
        from full in Gen.Elements(true, false)
        select (Address: address, Host: full ? Full(address) : address.ToString(), Upper: upper),
        x => Assert.Equal(
            Strict.IsAllowed(x.Address), Strict.TryCheckLiteral(new Uri($"http://[{(x.Upper ? x.Host.ToUpperInvariant() : x.Host)}]:8080/"), out _)));

    [Fact]
    public void A_zone_in_a_url_changes_nothing_and_never_throws() => Property.Holds(
        from address in Gen.Elements(SpecialV6).SelectMany(In)
        from zone in Inputs.From("abc019%", 1, 6)
        select $"http://[{address}%25{zone}]/",
        text => Assert.False(Uri.TryCreate(text, UriKind.Absolute, out var url) && Strict.TryCheckLiteral(url, out _), text));

    [Fact]
    public void An_allowed_network_opens_exactly_its_own_addresses() => Property.Holds(
        from v6 in Gen.Elements(true, false)
        from size in v6 ? Gen.Choose(7, 128) : Gen.Choose(4, 32)
        from seed in Gen.Elements(v6 ? SpecialV6 : SpecialV4).SelectMany(In)
        let network = Masked(seed, size)
        from inside in In(network)
        from elsewhere in Gen.OneOf(Gen.Elements(v6 ? SpecialV6 : SpecialV4).SelectMany(In), In(Masked(seed, size - 1)))
        select (network, inside, elsewhere),
        x =>
        {
            var guard = new EgressGuard(new EgressPolicy { AllowedNetworks = [x.network] });

            Assert.True(guard.IsAllowed(x.inside), x.inside.ToString());
            Assert.Equal(x.network.Contains(x.elsewhere) || Strict.IsAllowed(x.elsewhere), guard.IsAllowed(x.elsewhere));
        }, runs: 1000);

    /// <summary>An address of the network: its first bits, and chance for the rest; the first and the last one more often.</summary>
    private static Gen<IPAddress> In(IPNetwork network)
    {
        var first = network.BaseAddress.GetAddressBytes();
        return
            from chance in Gen.Frequency(
                (1, Gen.Constant(new byte[16])), (1, Gen.Constant(Enumerable.Repeat((byte)255, 16).ToArray())), (6, Inputs.Bytes(16, 16)))
            select new IPAddress([.. first.Select((b, i) =>
            {
                var mask = Mask(network.PrefixLength - (8 * i));
                return (byte)((b & mask) | (chance[i] & ~mask));
            })]);
    }

    private static IPNetwork Masked(IPAddress address, int size) =>
        new(new IPAddress([.. address.GetAddressBytes().Select((b, i) => (byte)(b & Mask(size - (8 * i))))]), size);

    private static byte Mask(int bits) => bits >= 8 ? (byte)255 : bits <= 0 ? (byte)0 : (byte)(255 << (8 - bits));

    /// <summary>The IPv4 address laid into an IPv6 one.</summary>
    private static IPAddress Within(string outer, IPAddress inner, int at)
    {
        var bytes = IPAddress.Parse(outer).GetAddressBytes();
        inner.GetAddressBytes().CopyTo(bytes, at);
        return new IPAddress(bytes);
    }

    /// <summary>One to four parts, each decimal, octal or hexadecimal, the last one holding what is left: as inet_aton reads it. Or mapped.</summary>
    private static Gen<string> Spelling(IPAddress address)
    {
        var number = BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
        var asIPv4 =
            from count in Gen.Choose(1, 4)
            from bases in Gen.Elements(8, 10, 16).ArrayOf(count)
            from upper in Gen.Elements(true, false)
            let parts = Enumerable.Range(0, count).Select(i =>
                i == count - 1 ? number & (uint.MaxValue >> (8 * i)) : (number >> (24 - (8 * i))) & 255)
            let text = string.Join('.', parts.Zip(bases, Part))
            select upper ? text.ToUpperInvariant() : text;
        return Gen.Frequency((5, asIPv4), (1, Gen.Constant($"[::ffff:{address}]")), (1, Gen.Constant($"[{Full(address.MapToIPv6())}]")));
    }

    private static string Part(uint part, int radix) => radix switch
    {
        8 => "0" + Convert.ToString(part, 8),
        16 => "0x" + part.ToString("x", CultureInfo.InvariantCulture),
        _ => part.ToString(CultureInfo.InvariantCulture),
    };

    private static string Full(IPAddress address) => string.Join(
        ':', address.GetAddressBytes().Chunk(2).Select(pair => $"{pair[0]:x2}{pair[1]:x2}"));

    private static IPNetwork[] Networks(params string[] texts) => [.. texts.Select(IPNetwork.Parse)];
}
