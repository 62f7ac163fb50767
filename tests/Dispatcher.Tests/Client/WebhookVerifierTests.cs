// The verifier: the published vector, every reason to refuse, rotation.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Client;
using Xunit;

namespace Dispatcher.Tests.Client;

public sealed class WebhookVerifierTests
{
    // The published test vector of the signature scheme.
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string OtherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const string Body = """{"test": 2432232314}""";
    private const string Signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    private const long Timestamp = 1614265330;

    [Theory]
    [InlineData("webhook")]
    [InlineData("svix")]
    public void The_published_vector_is_valid_in_either_header_family(string family)
    {
        var webhook = Verifier().Verify(Headers(family: family), Utf8(Body));

        Assert.Equal(Id, webhook.Id);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(Timestamp), webhook.Timestamp);
    }

    [Fact]
    public void Headers_may_come_from_a_function()
    {
        var headers = Headers();

        Assert.Equal(Id, Verifier().Verify(name => headers.GetValueOrDefault(name), Utf8(Body)).Id);
    }

    [Fact]
    public void The_case_of_header_names_does_not_matter()
    {
        var headers = Headers().ToDictionary(header => header.Key.ToUpperInvariant(), header => header.Value);

        Assert.Equal(Id, Verifier().Verify(headers, Utf8(Body)).Id);
    }

    [Theory]
    [InlineData("id")]
    [InlineData("timestamp")]
    [InlineData("signature")]
    public void A_missing_header_is_refused_and_named(string part)
    {
        foreach (var family in new[] { "webhook", "svix" })
        {
            var headers = Headers(family: family);
            headers.Remove($"{family}-{part}");

            var failure = Refused(WebhookVerificationReason.MissingHeader, headers, Body);
            Assert.Contains($"{family}-{part}", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_id_of_one_family_and_a_signature_of_the_other_do_not_add_up()
    {
        var headers = Headers();
        headers.Remove("webhook-signature");
        headers["svix-signature"] = Signature;

        Refused(WebhookVerificationReason.MissingHeader, headers, Body);
    }

    [Theory]
    [InlineData("yesterday")]
    [InlineData("-1614265330")]
    [InlineData(" 1614265330")]
    [InlineData("1614265330.5")]
    [InlineData("99999999999999999999")]
    public void A_timestamp_that_is_no_number_of_seconds_is_refused(string timestamp) =>
        Refused(WebhookVerificationReason.BadTimestamp, Headers(timestamp: timestamp), Body);

    [Theory]
    [InlineData(301)]
    [InlineData(86_400)]
    public void A_timestamp_older_than_five_minutes_is_refused_though_it_is_signed(int age)
    {
        var headers = Headers();

        Assert.False(Verifier(secondsLater: age).TryVerify(headers, Utf8(Body), out _, out var failure));
        Assert.Equal(WebhookVerificationReason.TimestampTooOld, failure.Reason);
    }

    [Theory]
    [InlineData(Timestamp + 301)]
    [InlineData(long.MaxValue)]
    public void A_timestamp_more_than_five_minutes_ahead_is_refused_though_it_is_signed(long timestamp)
    {
        var headers = Headers(timestamp: $"{timestamp}", signature: Sign(Secret, $"{Id}.{timestamp}.{Body}"));

        Refused(WebhookVerificationReason.TimestampTooNew, headers, Body);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(-300)]
    public void A_timestamp_five_minutes_away_is_taken(int secondsLater) =>
        Assert.Equal(Id, Verifier(secondsLater).Verify(Headers(), Utf8(Body)).Id);

    [Fact]
    public void The_tolerance_can_be_set()
    {
        var strict = new WebhookVerifier([Secret], TimeSpan.FromSeconds(10), At(Timestamp + 11));

        Assert.False(strict.TryVerify(Headers(), Utf8(Body), out _, out var failure));
        Assert.Equal(WebhookVerificationReason.TimestampTooOld, failure.Reason);
    }

    [Fact]
    public void A_changed_body_is_refused() =>
        Refused(WebhookVerificationReason.BadSignature, Headers(), Body.Replace('4', '5'));

    [Fact]
    public void A_changed_id_is_refused() =>
        Refused(WebhookVerificationReason.BadSignature, Headers(id: "msg_another"), Body);

    [Fact]
    public void A_changed_timestamp_is_refused() =>
        Refused(WebhookVerificationReason.BadSignature, Headers(timestamp: $"{Timestamp + 1}"), Body);

    [Theory]
    [InlineData("v1,not base64")]
    [InlineData("v1,")]
    [InlineData("v1,Zm9v")]
    [InlineData("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    public void Only_a_whole_v1_signature_counts(string signature) =>
        Refused(WebhookVerificationReason.BadSignature, Headers(signature: signature), Body);

    [Fact]
    public void Signatures_of_other_versions_and_other_secrets_beside_the_right_one_do_no_harm()
    {
        var headers = Headers(signature: $"v1a,c29tZXRoaW5n {Sign(OtherSecret, "something else")} {Signature}");

        Assert.Equal(Id, Verifier().Verify(headers, Utf8(Body)).Id);
    }

    [Fact]
    public void During_a_rotation_the_old_and_the_new_secret_both_verify()
    {
        var both = new WebhookVerifier([OtherSecret, Secret], time: At(Timestamp));
        var bySecond = Headers();
        var byFirst = Headers(signature: Sign(OtherSecret, $"{Id}.{Timestamp}.{Body}"));

        Assert.Equal(Id, both.Verify(bySecond, Utf8(Body)).Id);
        Assert.Equal(Id, both.Verify(byFirst, Utf8(Body)).Id);
    }

    [Fact]
    public void Another_secret_is_refused()
    {
        var other = new WebhookVerifier([OtherSecret], time: At(Timestamp));

        Assert.False(other.TryVerify(Headers(), Utf8(Body), out _, out var failure));
        Assert.Equal(WebhookVerificationReason.BadSignature, failure.Reason);
    }

    [Fact]
    public void A_body_that_is_not_text_is_verified_byte_for_byte()
    {
        byte[] body = [0xFF, 0x00, 0x80];
        byte[] signed = [.. Utf8($"{Id}.{Timestamp}."), .. body];
        var headers = Headers(signature: "v1," + Convert.ToBase64String(HMACSHA256.HashData(Key(Secret), signed)));

        Assert.Equal(Id, Verifier().Verify(headers, body).Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("whsec_not*base64")]
    [InlineData("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void A_secret_that_is_none_is_refused_and_not_quoted(string secret)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new WebhookVerifier(secret));

        if (secret.Length > "whsec_".Length)
            Assert.DoesNotContain(secret["whsec_".Length..], refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_secret_at_all_is_refused() =>
        Assert.Throws<ArgumentException>(() => new WebhookVerifier([], TimeSpan.FromMinutes(5)));

    private static WebhookVerificationException Refused(WebhookVerificationReason reason, Dictionary<string, string> headers, string body)
    {
        var failure = Assert.Throws<WebhookVerificationException>(() => Verifier().Verify(headers, Utf8(body)));
        Assert.Equal(reason, failure.Reason);
        return failure;
    }

    private static WebhookVerifier Verifier(int secondsLater = 0) => new([Secret], time: At(Timestamp + secondsLater));

    private static ProbeTime At(long seconds) => new(timersFire: false, DateTimeOffset.FromUnixTimeSeconds(seconds));

    private static Dictionary<string, string> Headers(
        string id = Id, string? timestamp = null, string signature = Signature, string family = "webhook") => new()
        {
            [family + "-id"] = id,
            [family + "-timestamp"] = timestamp ?? $"{Timestamp}",
            [family + "-signature"] = signature,
        };

    private static string Sign(string secret, string content) =>
        "v1," + Convert.ToBase64String(HMACSHA256.HashData(Key(secret), Utf8(content)));

    private static byte[] Key(string secret) => Convert.FromBase64String(secret["whsec_".Length..]);

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
