// Which addresses webhooks may go to: every special range at both its ends, and the ordinary addresses right beside them.

using System.Net;
using Dispatcher.Sending;
using Xunit;

namespace Dispatcher.Tests.Sending;

public sealed class EgressGuardTests
{
    private static readonly EgressGuard Strict = new(new EgressPolicy());

    /// <summary>The IANA registries' entries and the other special forms, first and last address of each.</summary>
    public static TheoryData<string, string, string> SpecialRanges => new()
    {
        { "this network", "0.0.0.0", "0.255.255.255" },
        { "private 10/8", "10.0.0.0", "10.255.255.255" },
        { "carrier-grade NAT", "100.64.0.0", "100.127.255.255" },
        { "loopback", "127.0.0.0", "127.255.255.255" },
        { "link-local", "169.254.0.0", "169.254.255.255" },
        { "metadata", "169.254.169.254", "169.254.170.2" },
        { "private 172.16/12", "172.16.0.0", "172.31.255.255" },
        { "protocol assignments", "192.0.0.0", "192.0.0.255" },
        { "documentation 1", "192.0.2.0", "192.0.2.255" },
        { "AS112 v4", "192.31.196.0", "192.31.196.255" },
        { "AMT", "192.52.193.0", "192.52.193.255" },
        { "6to4 relay", "192.88.99.0", "192.88.99.255" },
        { "private 192.168/16", "192.168.0.0", "192.168.255.255" },
        { "AS112 direct", "192.175.48.0", "192.175.48.255" },
        { "benchmarks", "198.18.0.0", "198.19.255.255" },
        { "documentation 2", "198.51.100.0", "198.51.100.255" },
        { "documentation 3", "203.0.113.0", "203.0.113.255" },
        { "multicast", "224.0.0.0", "239.255.255.255" },
        { "reserved", "240.0.0.0", "255.255.255.254" },
        { "broadcast", "255.255.255.255", "255.255.255.255" },
        { "unspecified and loopback v6", "::", "::1" },
        { "IPv4-compatible", "::2", "::255.255.255.255" },
        { "IPv4-compatible public", "::8.8.8.8", "::1.1.1.1" },
        { "IPv4-mapped private", "::ffff:10.0.0.1", "::ffff:192.168.1.1" },
        { "IPv4-mapped loopback", "::ffff:127.0.0.1", "::ffff:7f00:1" },
        { "IPv4-mapped metadata", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe" },
        { "IPv4-translated", "::ffff:0:0:0", "::ffff:0:255.255.255.255" },
        { "NAT64 of private", "64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1" },
        { "NAT64 of loopback", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1" },
        { "NAT64 of metadata", "64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe" },
        { "NAT64 of nothing", "64:ff9b::", "64:ff9b::255.255.255.255" },
        { "beside NAT64", "64:ff9b::1:0:0", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff" },
        { "local NAT64", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff" },
        { "discard", "100::", "100::ffff:ffff:ffff:ffff" },
        { "dummy", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff" },
        { "Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "port control and TURN", "2001:1::1", "2001:1::3" },
        { "benchmarks v6", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff" },
        { "AMT v6", "2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "AS112 v6", "2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff" },
        { "ORCHID", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "ORCHID v2", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "drones", "2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "protocol assignments v6", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "documentation v6", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "6to4 of public", "2002:808:808::1", "2002:101:101::1" },
        { "AS112 direct v6", "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff" },
        { "documentation v6, second", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "segment routing", "5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "not allocated, low", "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "not allocated, first eighth", "200::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "unique local", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "metadata v6", "fd00:ec2::254", "fd20:ce::254" },
        { "link-local v6", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "link-local v6 with a zone", "fe80::1%1", "fe80::a9fe:a9fe%2" },
        { "site-local", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
        { "multicast v6", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };

    [Theory]
    [MemberData(nameof(SpecialRanges))]
    public void Special_addresses_are_refused(string range, string first, string last)
    {
        Assert.False(Strict.IsAllowed(IPAddress.Parse(first)), $"{range}: {first}");
        Assert.False(Strict.IsAllowed(IPAddress.Parse(last)), $"{range}: {last}");
    }

    [Theory]
    [InlineData("1.0.0.0")]
    [InlineData("8.8.8.8")]
    [InlineData("9.255.255.255")]
    [InlineData("11.0.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.0")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.0")]
    [InlineData("169.253.255.255")]
    [InlineData("169.255.0.0")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("192.0.1.0")]
    [InlineData("192.0.3.0")]
    [InlineData("192.167.255.255")]
    [InlineData("192.169.0.0")]
    [InlineData("198.17.255.255")]
    [InlineData("198.20.0.0")]
    [InlineData("198.51.99.255")]
    [InlineData("203.0.114.0")]
    [InlineData("223.255.255.255")]
    [InlineData("::ffff:8.8.8.8")]
    [InlineData("64:ff9b::8.8.8.8")]
    [InlineData("2000::1")]
    [InlineData("2001:200::1")]
    [InlineData("2001:db7::1")]
    [InlineData("2001:db9::1")]
    [InlineData("2003::1")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("2620:4f:8001::1")]
    [InlineData("3fff:1000::1")]
    public void Public_addresses_are_allowed_right_up_to_the_special_ones(string address) =>
        Assert.True(Strict.IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.1.0.0/16", "10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "::ffff:10.1.2.3", true)]
    [InlineData("10.1.0.0/16", "10.2.0.0", false)]
    [InlineData("10.1.0.0/16", "64:ff9b::10.1.2.3", false)]
    [InlineData("10.1.0.0/16", "::10.1.2.3", false)]
    [InlineData("::ffff:10.1.0.0/112", "10.1.2.3", true)]
    [InlineData("::ffff:10.1.0.0/112", "10.2.2.3", false)]
    [InlineData("127.0.0.1/32", "127.0.0.1", true)]
    [InlineData("127.0.0.1/32", "127.0.0.2", false)]
    [InlineData("fd12::/16", "fd12:1::1", true)]
    [InlineData("fd12::/16", "fd13::1", false)]
    [InlineData("64:ff9b::10.1.0.0/112", "64:ff9b::10.1.2.3", true)]
    [InlineData("64:ff9b::10.1.0.0/112", "10.1.2.3", false)]
    [InlineData("0.0.0.0/0", "10.1.2.3", true)]
    [InlineData("0.0.0.0/0", "fd12::1", false)]
    public void An_allowed_network_opens_exactly_what_it_says(string network, string address, bool allowed)
    {
        var guard = new EgressGuard(new EgressPolicy { AllowedNetworks = [IPNetwork.Parse(network)] });

        Assert.Equal(allowed, guard.IsAllowed(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.8.8", true)]
    [InlineData("::1", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("::", false)]
    [InlineData("64:ff9b::127.0.0.1", false)]
    public void In_development_loopback_is_open_and_nothing_else(string address, bool allowed)
    {
        var guard = new EgressGuard(new EgressPolicy { AllowLoopback = true });

        Assert.Equal(allowed, guard.IsAllowed(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("http://10.0.0.1/hook", "10.0.0.1 is private")]
    [InlineData("http://[::ffff:10.0.0.1]/", "::ffff:10.0.0.1 is private")]
    [InlineData("http://[fd00:ec2::254]/latest", "fd00:ec2::254 is private (unique local)")]
    [InlineData("http://169.254.169.254/latest/meta-data", "metadata")]
    [InlineData("http://2130706433/", "127.0.0.1 is loopback")]
    [InlineData("http://0x7f.1/", "127.0.0.1 is loopback")]
    [InlineData("http://0177.0.0.1/", "127.0.0.1 is loopback")]
    [InlineData("http://127.1:8080/", "127.0.0.1 is loopback")]
    [InlineData("http://localhost:8080/", "127.0.0.1 is loopback")]
    [InlineData("https://Api.LocalHost/", "127.0.0.1 is loopback")]
    [InlineData("ftp://8.8.8.8/", "http or https")]
    public void What_a_url_shows_is_refused_before_anything_is_sent(string url, string reason)
    {
        Assert.False(Strict.TryCheckLiteral(new Uri(url), out var refusal));

        Assert.Contains(reason, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://hooks.example/")]
    [InlineData("https://8.8.8.8/hook")]
    [InlineData("https://[2606:4700:4700::1111]/hook")]
    [InlineData("https://localhost.example/")]
    public void A_name_or_a_public_address_passes(string url)
    {
        Assert.True(Strict.TryCheckLiteral(new Uri(url), out var refusal));

        Assert.Null(refusal);
    }

    [Fact]
    public void Where_https_is_required_http_is_refused()
    {
        var guard = new EgressGuard(new EgressPolicy { RequireHttps = true });

        Assert.False(guard.TryCheckLiteral(new Uri("http://hooks.example/"), out var refusal));
        Assert.Contains("https", refusal, StringComparison.Ordinal);
        Assert.True(guard.TryCheckLiteral(new Uri("https://hooks.example/"), out _));
    }
}
