// What a target may look like, case by case, and that what is taken is what is connected to.

using Dispatcher.Integrations;
using Dispatcher.Tests.Properties;
using FsCheck;
using FsCheck.Fluent;
using Property = Dispatcher.Tests.Properties.Property;

namespace Dispatcher.Tests.Integrations;

public sealed class TargetUrlTests
{
    [Theory]
    [InlineData("http://example.com")]
    [InlineData("http://example.com?a=b")]
    [InlineData("HtTpS://Example.COM/Hook")]
    [InlineData("https://example.com:1/")]
    [InlineData("https://example.com:65535/hook")]
    [InlineData("https://example.com:0443/hook")]
    [InlineData("https://a-b.c_d.example/hook")]
    [InlineData("https://localhost/hook")]
    [InlineData("http://receiver:8080/hook")]
    [InlineData("http://192.0.2.1/hook")]
    [InlineData("http://[2001:db8::1]/hook")]
    [InlineData("http://[2001:DB8::1]:8080/hook")]
    [InlineData("http://[::ffff:192.0.2.1]/hook")]
    [InlineData("https://example.com/a%20b?c=%23&d=@:/?")]
    [InlineData("https://example.com/pfad/größe?q=日本")]
    [InlineData("https://example.com/user@host")]
    [InlineData("https://example.com/a//b/../c;d=e")]
    [InlineData("https://bücher.example/hook")]
    [InlineData("https://BÜCHER.example/hook")]
    [InlineData("https://例え.テスト/hook")]
    [InlineData("https://हिन्दी.example/hook")]
    [InlineData("https://faß.example/hook")]
    [InlineData("https://xn--bcher-kva.example/hook")]
    public void An_http_url_with_a_host_is_a_target(string target) => Assert.Null(TargetUrl.FaultOf(target));

    [Theory]
    [InlineData("http://2130706433/", "127.0.0.1")]
    [InlineData("http://0177.0.0.1/", "127.0.0.1")]
    [InlineData("http://0x7f.1/", "127.0.0.1")]
    [InlineData("http://0X7F000001/", "127.0.0.1")]
    [InlineData("http://127.1/", "127.0.0.1")]
    [InlineData("http://[::FFFF:7f00:1]/", "::ffff:127.0.0.1")]
    public void An_address_in_another_spelling_is_taken_as_that_address(string target, string host)
    {
        Assert.Null(TargetUrl.FaultOf(target));
        Assert.Equal(host, new Uri(target).IdnHost);
    }

    [Theory]
    [InlineData("https://bücher.example/", "xn--bcher-kva.example")]
    [InlineData("https://BÜCHER.Example/", "xn--bcher-kva.example")]
    [InlineData("https://faß.example/", "xn--fa-hia.example")]
    [InlineData("https://例え.テスト/", "xn--r8jz45g.xn--zckzah")]
    public void A_unicode_host_is_connected_to_in_its_xn_form(string target, string host) => Assert.Equal(host, new Uri(target).IdnHost);

    [Theory]
    // not absolute, not http, or not a host
    [InlineData("", "absolute")]
    [InlineData("example.com/hook", "absolute")]
    [InlineData("//example.com/hook", "absolute")]
    [InlineData("/hook", "absolute")]
    [InlineData("http:", "absolute")]
    [InlineData("http:example.com", "absolute")]
    [InlineData("http:/example.com", "absolute")]
    [InlineData("http:\\\\example.com", "absolute")]
    [InlineData("http://", "absolute")]
    [InlineData("http:///hook", "absolute")]
    [InlineData("http://?a=b", "absolute")]
    [InlineData("http://:80/", "absolute")]
    [InlineData(" http://example.com/", "absolute")]
    [InlineData("ftp://example.com/", "absolute")]
    [InlineData("ws://example.com/", "absolute")]
    [InlineData("file:///etc/passwd", "absolute")]
    [InlineData("javascript:alert(1)", "absolute")]
    [InlineData("data:text/plain,a", "absolute")]
    [InlineData("http+unix://%2Fvar%2Frun/", "absolute")]
    [InlineData("ｈttp://example.com/", "absolute")]
    // user names and passwords, however hidden
    [InlineData("https://user@example.com/", "basic_auth")]
    [InlineData("https://user:pass@example.com/", "headers")]
    [InlineData("https://@example.com/", "basic_auth")]
    [InlineData("https://:@example.com/", "basic_auth")]
    [InlineData("https://example.com@evil.example/", "basic_auth")]
    [InlineData("https://user:pass@example.com/#part", "basic_auth")]
    [InlineData("https://us er:pass@example.com/", "basic_auth")]
    // fragments
    [InlineData("https://example.com/#part", "fragment")]
    [InlineData("https://example.com/#", "fragment")]
    [InlineData("https://example.com#part", "fragment")]
    // ports
    [InlineData("https://example.com:/", "port")]
    [InlineData("https://example.com:", "port")]
    [InlineData("https://example.com:0/", "port")]
    [InlineData("https://example.com:65536/", "port")]
    [InlineData("https://example.com:99999999999999999999/", "port")]
    [InlineData("https://example.com:-1/", "port")]
    [InlineData("https://example.com:+80/", "port")]
    [InlineData("https://example.com:80a/", "port")]
    [InlineData("https://example.com:80:80/", "port")]
    [InlineData("https://example.com:٨٠/", "port")]
    [InlineData("https://[2001:db8::1]:/", "port")]
    [InlineData("https://[2001:db8::1]8080/", "port")]
    // backslashes, spaces and what cannot be seen
    [InlineData("https://example.com\\hook", "backslash")]
    [InlineData("https://example.com/a\\b", "backslash")]
    [InlineData("https://example.com/a b", "spaces")]
    [InlineData("https://example.com/ ", "spaces")]
    [InlineData("https://example.com/a\tb", "control")]
    [InlineData("https://example.com/a\r\nHost: evil.example", "control")]
    [InlineData("https://example.com/a\0", "control")]
    [InlineData("https://example.com/a\u0085b", "control")]
    [InlineData("https://example.com/a\u00a0b", "spaces")]
    [InlineData("https://example.com/a\u3000b", "spaces")]
    [InlineData("https://exam\u00adple.com/", "invisible")]
    [InlineData("https://exam\u200bple.com/", "invisible")]
    [InlineData("https://\u202eexample.com/", "invisible")]
    [InlineData("https://example.com/\ufeff", "invisible")]
    // hosts
    [InlineData("https://example..com/", "absolute")]
    [InlineData("https://.example.com/", "absolute")]
    [InlineData("https://example.com./", "host")]
    [InlineData("https://./", "absolute")]
    [InlineData("http://127.0.0.1./", "host")]
    [InlineData("https://-a.example/", "host")]
    [InlineData("https://a-.example/", "host")]
    [InlineData("https://ex!ample.com/", "absolute")]
    [InlineData("https://exa*mple.com/", "absolute")]
    [InlineData("https://%65xample.com/", "percent-encoded")]
    [InlineData("https://example.com%2f.evil.example/", "percent-encoded")]
    [InlineData("https://ｅｘａｍｐｌｅ.com/", "xn--")]
    [InlineData("https://example。com/", "xn--")]
    [InlineData("http://127。0。0。1/", "xn--")]
    [InlineData("http://①27.0.0.1/", "xn--")]
    [InlineData("https://e\u0301xample.com/", "xn--")]
    [InlineData("https://🙂.example/", "xn--")]
    [InlineData("https://쮴瘑햱Ϗפ瘈.example/", "xn--")]
    [InlineData("https://a.b.c.1/", "number")]
    [InlineData("http://256.0.0.1/", "number")]
    [InlineData("http://1.2.3.4.5/", "number")]
    [InlineData("http://1.2.3.08/", "number")]
    [InlineData("http://4294967296/", "number")]
    [InlineData("http://a.0x7f/", "number")]
    [InlineData("http://2001:db8::1/", "port")]
    [InlineData("http://[2001:db8::1/", "absolute")]
    [InlineData("http://[]/", "absolute")]
    [InlineData("http://[::1::2]/", "absolute")]
    [InlineData("http://[v1.a]/", "absolute")]
    [InlineData("http://[192.0.2.1]/", "absolute")]
    [InlineData("http://[fe80::1%25eth0]/", "zone")]
    [InlineData("http://[fe80::1%eth0]/", "zone")]
    public void Anything_else_is_refused_with_the_rule_that_it_breaks(string target, string rule)
    {
        var fault = TargetUrl.FaultOf(target);

        Assert.NotNull(fault);
        Assert.Contains(rule, fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Lengths_at_their_limits_are_taken_and_one_more_is_refused()
    {
        const string start = "https://example.com/";
        Assert.Null(TargetUrl.FaultOf(start + new string('a', TargetUrl.MaxLength - start.Length)));
        Assert.Contains("2048", TargetUrl.FaultOf(start + new string('a', TargetUrl.MaxLength - start.Length + 1)), StringComparison.Ordinal);

        Assert.Null(TargetUrl.FaultOf($"https://{new string('a', 63)}.com/"));
        Assert.NotNull(TargetUrl.FaultOf($"https://{new string('a', 64)}.com/"));

        var labels = string.Join('.', Enumerable.Repeat(new string('a', 49), 5));
        Assert.Null(TargetUrl.FaultOf($"https://{labels}.com/"));
        Assert.Equal(253, (labels + ".com").Length);
        Assert.NotNull(TargetUrl.FaultOf($"https://{labels}.comm/"));
        // Counted as they are sent.
        Assert.NotNull(TargetUrl.FaultOf($"https://{new string('ü', 60)}.com/"));
    }

    [Fact]
    public void No_text_throws_and_what_is_taken_is_a_url_that_can_be_sent_to() => Property.Holds(
        from scheme in Gen.Elements("http://", "https://", "HTTP://", "http:/", "ftp://", "")
        from host in Gen.OneOf(
            Inputs.Garbage(15), Inputs.From("abü0.-_", 1, 20), Inputs.From("0123456789xabcdef.", 1, 16), Inputs.From("[]:0123456789abcdef.%", 1, 30), Gen.Constant("example.com"))
        from port in Gen.OneOf(Gen.Constant(""), Inputs.From("0123456789", 0, 6).Select(p => ":" + p))
        from path in Gen.OneOf(Gen.Constant(""), Inputs.Garbage(20).Select(p => "/" + p), Inputs.Text(0, 20).Select(p => "?" + p))
        select scheme + host + port + path,
        target =>
        {
            if (TargetUrl.FaultOf(target) is not null) return;
            var url = new Uri(target);

            Assert.True(url.Scheme is "http" or "https");
            Assert.Equal("", url.UserInfo);
            Assert.Equal("", url.Fragment);
            Assert.True(url.Port is > 0 and <= 65535);
            Assert.NotEmpty(url.IdnHost);
            Assert.All(url.IdnHost, c => Assert.True(char.IsAscii(c)));
            Assert.All(url.PathAndQuery, c => Assert.True(char.IsAscii(c) && !char.IsControl(c)));
        }, runs: 3000);
}
