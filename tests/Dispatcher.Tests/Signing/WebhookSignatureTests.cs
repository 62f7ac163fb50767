// The signature header, by the published vector and by its own rules.

using System.Security.Cryptography;
using System.Text;
using Dispatcher.Signing;
using Xunit;

namespace Dispatcher.Tests.Signing;

public sealed class WebhookSignatureTests
{
    private const string VectorSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string VectorId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    private const long VectorTimestamp = 1614265330;
    private const string VectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    private static readonly byte[] VectorBody = """{"test": 2432232314}"""u8.ToArray();

    [Fact]
    public void The_published_vector_is_reproduced() =>
        Assert.Equal(VectorSignature, WebhookSignature.Sign([Secret(VectorSecret)], VectorId, VectorTimestamp, VectorBody));

    [Theory]
    [InlineData(2)]
    [InlineData(10)]
    [InlineData(40)]
    public void Each_secret_signs_in_order_separated_by_one_space(int count)
    {
        var texts = Enumerable.Range(0, count).Select(_ => SigningSecret.Generate()).ToArray();

        var header = WebhookSignature.Sign([.. texts.Select(Secret)], VectorId, VectorTimestamp, VectorBody);

        Assert.Equal(texts.Select(text => Reference(text, VectorId, VectorTimestamp, VectorBody)), header.Split(' '));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(262_144)]
    public void Bodies_of_any_length_are_signed(int length)
    {
        var body = RandomNumberGenerator.GetBytes(length);

        Assert.Equal(
            Reference(VectorSecret, VectorId, VectorTimestamp, body),
            WebhookSignature.Sign([Secret(VectorSecret)], VectorId, VectorTimestamp, body));
    }

    [Theory]
    [InlineData("é-ü-日本")]
    [InlineData("")]
    public void Ids_are_signed_as_utf8(string id) => Assert.Equal(
        Reference(VectorSecret, id, VectorTimestamp, VectorBody),
        WebhookSignature.Sign([Secret(VectorSecret)], id, VectorTimestamp, VectorBody));

    [Fact]
    public void An_id_too_long_for_the_stack_is_signed_all_the_same()
    {
        var id = new string('x', 5_000);

        Assert.Equal(
            Reference(VectorSecret, id, long.MaxValue, VectorBody),
            WebhookSignature.Sign([Secret(VectorSecret)], id, long.MaxValue, VectorBody));
    }

    [Fact]
    public void Threads_that_share_a_secret_do_not_disturb_each_other()
    {
        var secret = Secret(VectorSecret);

        Parallel.For(0, 2_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var id = $"evt_{i}";
            Assert.Equal(Reference(VectorSecret, id, i, VectorBody), WebhookSignature.Sign([secret], id, i, VectorBody));
        });
    }

    [Fact]
    public void Without_a_secret_there_is_nothing_to_sign_with() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WebhookSignature.Sign([], VectorId, VectorTimestamp, VectorBody));

    private static SigningSecret Secret(string text)
    {
        Assert.True(SigningSecret.TryParse(text, out var secret, out var error), error);
        return secret;
    }

    // The definition, written out: base64(HMAC-SHA256(key, "{id}.{timestamp}.{body}")).
    private static string Reference(string secret, string id, long timestamp, byte[] body)
    {
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        byte[] content = [.. Encoding.UTF8.GetBytes($"{id}.{timestamp}."), .. body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, content));
    }
}
