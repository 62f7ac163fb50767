// What is a signing secret and what is not.

using Dispatcher.Signing;
using Xunit;

namespace Dispatcher.Tests.Signing;

public sealed class SigningSecretTests
{
    [Fact]
    public void A_generated_secret_has_24_bytes_and_parses()
    {
        var text = SigningSecret.Generate();

        Assert.StartsWith("whsec_", text, StringComparison.Ordinal);
        Assert.Equal(24, Convert.FromBase64String(text["whsec_".Length..]).Length);
        Assert.True(SigningSecret.TryParse(text, out _, out _));
    }

    [Fact]
    public void Generated_secrets_differ() => Assert.NotEqual(SigningSecret.Generate(), SigningSecret.Generate());

    [Theory]
    [InlineData(24)]
    [InlineData(25)]
    [InlineData(32)]
    [InlineData(64)]
    public void Keys_of_24_to_64_bytes_are_taken(int length) => Assert.True(SigningSecret.TryParse(OfLength(length), out _, out _));

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(23)]
    [InlineData(65)]
    [InlineData(66)]
    [InlineData(200)]
    public void Shorter_and_longer_keys_are_refused_with_the_rule(int length)
    {
        Assert.False(SigningSecret.TryParse(OfLength(length), out var secret, out var error));

        Assert.Null(secret);
        Assert.Contains("24 to 64 bytes", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void Without_its_prefix_it_is_no_secret(string? text)
    {
        Assert.False(SigningSecret.TryParse(text, out _, out var error));

        Assert.Contains("'whsec_'", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaSw")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQQ")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwQR==")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaé=")]
    public void Loose_base64_is_refused_without_repeating_it(string text)
    {
        Assert.False(SigningSecret.TryParse(text, out _, out var error));

        Assert.Contains("base64", error, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8", error, StringComparison.Ordinal);
    }

    private static string OfLength(int bytes) => "whsec_" + Convert.ToBase64String(new byte[bytes]);
}
