// Which headers an owner may add, and that a target cannot be made with others.

using Dispatcher.Sending;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class StaticHeadersTests
{
    [Theory]
    [InlineData("Authorization", "Bearer abcdefg")]
    [InlineData("X-Api-Key", "k\tv")]
    [InlineData("user-agent", "Acme")]
    [InlineData("Cookie", "a=1; b=2")]
    [InlineData("X-Name", "Zoë 日本")]
    [InlineData("X-Empty", "")]
    public void Ordinary_headers_are_taken(string name, string value) => Assert.True(StaticHeaders.TryCheck(name, value, out _));

    [Theory]
    [InlineData("Connection")]
    [InlineData("keep-alive")]
    [InlineData("TE")]
    [InlineData("Trailer")]
    [InlineData("Transfer-Encoding")]
    [InlineData("Upgrade")]
    [InlineData("Proxy-Authorization")]
    [InlineData("Host")]
    [InlineData("Expect")]
    [InlineData("Content-Type")]
    [InlineData("Content-Length")]
    [InlineData("content-anything")]
    [InlineData("Webhook-Id")]
    [InlineData("webhook-signature")]
    [InlineData("Svix-Id")]
    [InlineData("Dispatcher-Attempt")]
    public void Headers_that_frame_or_sign_the_message_are_refused_by_name(string name)
    {
        Assert.False(StaticHeaders.TryCheck(name, "secret-value", out var refusal));

        Assert.Contains($"'{name}'", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-value", refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x y")]
    [InlineData("x:y")]
    [InlineData("x\r\ny")]
    [InlineData("naïve")]
    public void A_name_that_is_no_token_is_refused(string name) => Assert.False(StaticHeaders.TryCheck(name, "v", out _));

    [Theory]
    [InlineData("a\r\nx-smuggled: yes")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("a\u007fb")]
    public void A_value_with_control_characters_is_refused(string value) => Assert.False(StaticHeaders.TryCheck("x-a", value, out _));

    [Fact]
    public void A_value_has_at_most_4096_bytes_as_sent()
    {
        Assert.True(StaticHeaders.TryCheck("x-a", new string('v', 4096), out _));
        Assert.False(StaticHeaders.TryCheck("x-a", new string('v', 4097), out _));
        Assert.False(StaticHeaders.TryCheck("x-a", new string('é', 2049), out _));
    }

    [Fact]
    public void A_target_cannot_be_made_with_what_may_not_be_sent()
    {
        var url = new Uri("https://hooks.example/");

        Assert.Throws<ArgumentException>(() => Target(url, headers: [("Host", "elsewhere.example")]));
        Assert.Throws<ArgumentException>(() => Target(url, headers: [("x-a", "b\r\nc: d")]));
        Assert.Throws<ArgumentException>(() => Target(url, secrets: []));
        Assert.Throws<ArgumentException>(() => Target(new Uri("ftp://hooks.example/")));
        Assert.Throws<ArgumentOutOfRangeException>(() => Target(url, TimeSpan.Zero));
    }

    [Fact]
    public void A_target_shows_only_its_origin()
    {
        var target = Target(new Uri("https://hooks.example/T0/very-secret?key=1"), headers: [("Authorization", "Bearer secret")]);

        Assert.Equal("https://hooks.example", target.ToString());
    }
}
