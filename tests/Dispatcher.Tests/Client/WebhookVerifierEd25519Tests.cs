// The verifier with public keys. What it verifies here was signed beforehand: with RFC 8032's first key, by another implementation.

using Dispatcher.Client;
using Dispatcher.Signing;
using Dispatcher.Tests.Sending;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class WebhookVerifierEd25519Tests
{
    private const string PublicKey = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    private const string OtherKey = "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=";
    private const string Signature = "v1a,hGvhpd3FOe3YsVEIIX1pYKgY77U2Cj/jLClZW2K4VpFr77TQ/Fy9LFlysuLiC06UQhE5GOgPzDr3hPQ7QhqpDw==";

    public WebhookVerifierEd25519Tests() => Assert.SkipUnless(Ed25519Key.IsAvailable, "There is no OpenSSL here: apt-get install libssl3.");

    [Fact]
    public void A_signature_of_the_private_key_is_valid() => Assert.Equal("msg_1", Verifier(PublicKey).Verify(Headers(), "{}"u8).Id);

    [Fact]
    public void Another_public_key_is_refused() => Refused(Verifier(OtherKey), Headers(), "{}");

    [Fact]
    public void Another_body_is_refused() => Refused(Verifier(PublicKey), Headers(), "{ }");

    [Theory]
    [InlineData("v1a,")]
    [InlineData("v1a,AAAA")]
    [InlineData("v1a,***")]
    [InlineData("v1")]
    public void What_is_no_signature_is_refused(string entry) => Refused(Verifier(PublicKey), Headers(entry), "{}");

    [Fact]
    public void A_signature_of_another_version_is_not_taken_for_one() =>
        Refused(Verifier(PublicKey), Headers(Signature.Replace("v1a,", "v1,", StringComparison.Ordinal)), "{}");

    [Fact]
    public void During_a_rotation_one_entry_and_one_key_that_match_are_enough() =>
        Assert.Equal("msg_1", Verifier("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", OtherKey, PublicKey).Verify(Headers($"v1,AAAA v1a,AAAA {Signature}"), "{}"u8).Id);

    [Theory]
    [InlineData("whpk_")]
    [InlineData("whpk_AAAA")]
    [InlineData("whpk_***")]
    [InlineData("whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")]
    public void What_is_no_public_key_is_refused(string key) => Assert.Throws<ArgumentException>(() => new WebhookVerifier(key));

    private static WebhookVerifier Verifier(params string[] keys) => new(keys, time: new StandingClock(DateTimeOffset.FromUnixTimeSeconds(1614265330)));

    private static Dictionary<string, string> Headers(string signature = Signature) => new()
    {
        ["webhook-id"] = "msg_1",
        ["webhook-timestamp"] = "1614265330",
        ["webhook-signature"] = signature,
    };

    private static void Refused(WebhookVerifier verifier, Dictionary<string, string> headers, string body)
    {
        Assert.False(verifier.TryVerify(headers, System.Text.Encoding.UTF8.GetBytes(body), out _, out var failure));
        Assert.Equal(WebhookVerificationReason.BadSignature, failure.Reason);
    }
}
