// Ed25519 keys: the vectors of RFC 8032, section 7.1, and what is a key and what is not.

using System.Text;
using Dispatcher.Client;
using Dispatcher.Signing;
using Xunit;

namespace Dispatcher.Tests.Signing;

public sealed class Ed25519KeyTests
{
    private const string Seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    private const string PublicKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    public Ed25519KeyTests() => Assert.SkipUnless(Ed25519Key.IsAvailable, "There is no OpenSSL here: apt-get install libssl3.");

    [Theory]
    [InlineData(
        Seed, PublicKey, "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")]
    [InlineData(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void The_published_vectors_are_reproduced(string seed, string publicKey, string message, string signature)
    {
        var key = Parse(seed);
        var bytes = Convert.FromHexString(message);
        var made = new byte[64];

        // In two pieces, as webhooks are signed.
        key.Sign(bytes.AsSpan(0, bytes.Length / 2), bytes.AsSpan(bytes.Length / 2), made);

        Assert.Equal(signature, Convert.ToHexStringLower(made));
        Assert.Equal("whpk_" + Base64(publicKey), key.ReceiversKey);
    }

    [Fact]
    public void A_private_key_may_bring_its_public_key_along()
    {
        Assert.True(Ed25519Key.TryParse("whsk_" + Base64(Seed + PublicKey), out var key, out _));
        Assert.Equal(Parse(Seed).ReceiversKey, key.ReceiversKey);
    }

    [Fact]
    public void Another_public_key_behind_the_private_one_is_refused()
    {
        Assert.False(Ed25519Key.TryParse("whsk_" + Base64(Seed + Seed), out _, out var error));
        Assert.Contains("public key", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("whsk_")]
    [InlineData("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2")]
    [InlineData("whsk_nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")]
    [InlineData("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2B=")]
    [InlineData("whpk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")]
    [InlineData("whsec_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")]
    [InlineData("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void What_is_not_32_or_64_bytes_behind_the_prefix_is_refused_without_repeating_it(string? text)
    {
        Assert.False(Ed25519Key.TryParse(text, out _, out var error));
        Assert.Contains("'whsk_'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("nWGx", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_generated_key_parses_and_no_two_are_the_same()
    {
        Assert.NotEqual(Ed25519Key.Generate(), Ed25519Key.Generate());
        Assert.True(SigningKey.TryParse(Ed25519Key.Generate(), out var key, out _));
        Assert.IsType<Ed25519Key>(key);
    }

    [Fact]
    public void Keys_of_both_schemes_sign_side_by_side_and_the_client_verifies_with_either()
    {
        var secret = SigningSecret.Generate();
        Assert.True(SigningSecret.TryParse(secret, out var hmac, out _));
        var body = Encoding.UTF8.GetBytes(new string('x', 300_000));
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

        var header = WebhookSignature.Sign([hmac, Parse(Seed)], "evt_1", now, body);

        Assert.Equal(["v1", "v1a"], header.Split(' ').Select(entry => entry.Split(',')[0]));
        var headers = new Dictionary<string, string>
        {
            ["webhook-id"] = "evt_1",
            ["webhook-timestamp"] = now.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["webhook-signature"] = header,
        };
        Assert.Equal("evt_1", new WebhookVerifier(secret).Verify(headers, body).Id);
        Assert.Equal("evt_1", new WebhookVerifier(Parse(Seed).ReceiversKey).Verify(headers, body).Id);
    }

    [Fact]
    public void Threads_that_share_a_key_do_not_disturb_each_other()
    {
        var key = Parse(Seed);
        var expected = WebhookSignature.Sign([key], "evt_1", 1, "{}"u8);

        Parallel.For(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            Assert.Equal(expected, WebhookSignature.Sign([key], "evt_1", 1, "{}"u8)));
    }

    private static Ed25519Key Parse(string seed) =>
        Ed25519Key.TryParse("whsk_" + Base64(seed), out var key, out var error) ? key : throw new FormatException(error);

    private static string Base64(string hex) => Convert.ToBase64String(Convert.FromHexString(hex));
}
