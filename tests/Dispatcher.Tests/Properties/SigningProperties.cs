// Signing: what we sign verifies, with the verifier that receivers get, and nothing else does.

using System.Globalization;
using Dispatcher.Client;
using Dispatcher.Signing;
using Dispatcher.Tests.Client;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

public sealed class SigningProperties
{
    private const string Base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    private static readonly Gen<string> SecretText = Inputs.Bytes(SigningSecret.MinKeyBytes, SigningSecret.MaxKeyBytes).Select(Text);

    private static readonly Gen<Signed> Message =
        from secret in SecretText
        from id in Inputs.Text(1, 80)
        from timestamp in Gen.Choose(0, int.MaxValue)
        from body in Inputs.Bytes(0, 300)
        select new Signed(secret, id, timestamp.ToString(CultureInfo.InvariantCulture), body, Sign([secret], id, timestamp, body));

    [Fact]
    public void What_is_signed_verifies() =>
        Property.Holds(Message, m => Assert.Equal(m.Id, m.Verify()?.Id));

    [Fact]
    public void A_body_with_one_bit_changed_does_not_verify() => Property.Holds(
        from m in Message
        where m.Body.Length > 0
        from at in Gen.Choose(0, m.Body.Length - 1)
        from bits in Gen.Choose(1, 255)
        select m with { Body = [.. m.Body[..at], (byte)(m.Body[at] ^ bits), .. m.Body[(at + 1)..]] },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void A_longer_or_shorter_body_does_not_verify() => Property.Holds(
        from m in Message
        from end in Inputs.Byte
        from grow in Gen.Elements(true, false)
        select m with { Body = grow || m.Body.Length == 0 ? [.. m.Body, end] : m.Body[..^1] },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void An_id_with_one_character_changed_does_not_verify() => Property.Holds(
        from m in Message
        where m.Id.All(char.IsAscii)
        from id in Inputs.Changed(m.Id, "abcxyz019._-")
        select m with { Id = id },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void A_timestamp_with_one_digit_changed_does_not_verify_even_when_the_clock_agrees_with_it() => Property.Holds(
        from m in Message
        from timestamp in Inputs.Changed(m.Timestamp, "0123456789")
        select m with { Timestamp = timestamp },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void A_signature_with_one_character_changed_does_not_verify() => Property.Holds(
        from m in Message
        from signature in Inputs.Changed(m.Signature, Base64 + "=, -_.v1")
        select m with { Signature = signature },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void No_other_spelling_of_the_same_base64_verifies() => Property.Holds(
        from m in Message
        from at in Gen.Choose(3, m.Signature.Length)
        from other in Gen.Elements(
            WithStrayBits(m.Signature), m.Signature.Insert(at, "\t"), m.Signature.Insert(at, "\n"), m.Signature + "=", m.Signature.TrimEnd('='), m.Signature + "\r\n",
            m.Signature.Replace("v1,", "V1,", StringComparison.Ordinal), m.Signature.Replace("v1,", "v1,,", StringComparison.Ordinal))
        select m with { Signature = other },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void A_dot_moved_from_the_id_to_the_body_does_not_verify() => Property.Holds(
        from m in Message
        from extra in Inputs.From("0123456789", 1, 5)
        select m with { Id = $"{m.Id}.{extra}" },
        changed => Assert.Null(changed.Verify()));

    [Fact]
    public void Each_of_several_secrets_verifies_alone_and_no_other_does() => Property.Holds(
        from secrets in Gen.Choose(1, 10).SelectMany(n => SecretText.ArrayOf(n))
        from other in SecretText
        from m in Message
        select (Secrets: secrets, Other: other, Message: m),
        x =>
        {
            var seconds = long.Parse(x.Message.Timestamp, CultureInfo.InvariantCulture);
            var signed = x.Message with { Signature = Sign(x.Secrets, x.Message.Id, seconds, x.Message.Body) };

            Assert.Equal(x.Secrets.Length, signed.Signature.Split(' ').Length);
            Assert.All(x.Secrets, secret => Assert.NotNull((signed with { Secret = secret }).Verify()));
            Assert.Null((signed with { Secret = x.Other }).Verify());
        }, runs: 100);

    [Fact]
    public void A_secret_of_24_to_64_bytes_is_read_as_these_bytes() => Property.Holds(
        Inputs.Bytes(SigningSecret.MinKeyBytes, SigningSecret.MaxKeyBytes),
        key =>
        {
            Assert.True(SigningSecret.TryParse(Text(key), out var secret, out var error), error);
            var mac = new byte[32];
            secret.Sign("head"u8, "body"u8, mac);
            Assert.Equal(System.Security.Cryptography.HMACSHA256.HashData(key, "headbody"u8), mac);
        });

    [Fact]
    public void A_secret_of_any_other_length_is_refused() => Property.Holds(
        Gen.OneOf(Inputs.Bytes(0, SigningSecret.MinKeyBytes - 1), Inputs.Bytes(SigningSecret.MaxKeyBytes + 1, 200)),
        key => Assert.False(SigningSecret.TryParse(Text(key), out _, out _)));

    [Fact]
    public void Any_looser_text_of_a_secret_is_refused_and_not_repeated() => Property.Holds(
        from text in SecretText
        from at in Gen.Choose(0, text.Length)
        from looser in Gen.Elements(
            text.Insert(at, " "), text.Insert(at, "\n"), text.Insert(at, "="), text + "=", text + "A", text.TrimEnd('=') + (text.EndsWith('=') ? "" : "="),
            "WHSEC_" + text[6..], text[6..], " " + text, text + "\t", text.Replace('+', '-').Replace('/', '_') + "-", WithStrayBits(text))
        where looser != text
        select looser,
        looser =>
        {
            Assert.False(SigningSecret.TryParse(looser, out _, out var error), looser);
            Assert.DoesNotContain(looser[10..20], error, StringComparison.Ordinal);
        });

    [Fact]
    public void Text_that_is_no_secret_never_throws() =>
        Property.Holds(Inputs.Garbage(120), text => Assert.False(SigningSecret.TryParse(text, out _, out _) && !text.StartsWith("whsec_", StringComparison.Ordinal)));

    private static string Text(byte[] key) => "whsec_" + Convert.ToBase64String(key);

    /// <summary>The bits below the last byte are nobody's: set, they give another text for the same key.</summary>
    private static string WithStrayBits(string text)
    {
        var last = text.TrimEnd('=').Length - 1;
        return text[^1] == '=' ? $"{text[..last]}{Base64[Base64.IndexOf(text[last], StringComparison.Ordinal) ^ 1]}{text[(last + 1)..]}" : text + "====";
    }

    private static string Sign(string[] secrets, string id, long timestamp, byte[] body) => WebhookSignature.Sign(
        [.. secrets.Select(text => SigningSecret.TryParse(text, out var secret, out var error) ? secret : throw new ArgumentException(error))], id, timestamp, body);

    private sealed record Signed(string Secret, string Id, string Timestamp, byte[] Body, string Signature)
    {
        /// <summary>What a receiver makes of it whose clock shows the time of the timestamp; null: it does not trust it.</summary>
        public VerifiedWebhook? Verify()
        {
            var now = DateTimeOffset.FromUnixTimeSeconds(long.Parse(Timestamp, CultureInfo.InvariantCulture));
            var verifier = new WebhookVerifier([Secret], time: new ProbeTime(timersFire: false, now));
            var headers = new Dictionary<string, string> { ["webhook-id"] = Id, ["webhook-timestamp"] = Timestamp, ["webhook-signature"] = Signature };
            return verifier.TryVerify(headers, Body, out var webhook, out _) ? webhook : null;
        }
    }
}
