// What the sender sends is what the npm packages svix and standardwebhooks accept: sent for real, verified by the real packages.

using System.Text;
using Dispatcher.Sending;
using Dispatcher.Signing;
using Dispatcher.Tests.Sending;
using Xunit;

namespace Dispatcher.Tests.Signing;

public sealed class NodeVerificationTests(NodeVerifiers verifiers) : IClassFixture<NodeVerifiers>
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public static TheoryData<string> Libraries => ["svix", "standardwebhooks"];

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task What_is_sent_verifies(string library)
    {
        var webhook = await ReceiveAsync(library, """{"job_id":"parse_1","label":"Zoë 日本 €"}""");

        Assert.Equal(["verified"], await verifiers.VerifyAsync(webhook));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task A_tampered_body_is_refused(string library)
    {
        var webhook = await ReceiveAsync(library, """{"amount":100}""");
        var tampered = webhook with { Body = Encoding.UTF8.GetBytes("""{"amount":900}""") };

        Assert.Equal(["No matching signature found"], await verifiers.VerifyAsync(tampered));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task Another_secret_does_not_verify(string library)
    {
        var webhook = await ReceiveAsync(library, "{}");

        Assert.Equal(["No matching signature found"], await verifiers.VerifyAsync(webhook with { Secret = SigningSecret.Generate() }));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task During_a_rotation_the_old_and_the_new_secret_both_verify(string library)
    {
        string[] secrets = [SigningSecret.Generate(), SigningSecret.Generate()];
        var webhook = await ReceiveAsync(library, "{}", secrets);

        Assert.Equal(
            ["verified", "verified"],
            await verifiers.VerifyAsync(webhook with { Secret = secrets[0] }, webhook with { Secret = secrets[1] }));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task The_timestamp_is_the_one_that_the_five_minutes_of_tolerance_are_measured_from(string library)
    {
        var recent = await ReceiveAsync(library, "{}", at: Now.AddMinutes(-4));
        var old = await ReceiveAsync(library, "{}", at: Now.AddMinutes(-6));
        var early = await ReceiveAsync(library, "{}", at: Now.AddMinutes(6));

        Assert.Equal(
            ["verified", "Message timestamp too old", "Message timestamp too new"], await verifiers.VerifyAsync(recent, old, early));
    }

    [Fact]
    public async Task What_is_signed_with_ed25519_verifies_with_the_public_key_in_node_alone()
    {
        Assert.SkipUnless(Ed25519Key.IsAvailable, "There is no OpenSSL here: apt-get install libssl3.");
        Assert.True(SigningKey.TryParse(Ed25519Key.Generate(), out var key, out _));
        Assert.True(SigningKey.TryParse(Ed25519Key.Generate(), out var other, out _));
        await using var receiver = await KestrelReceiver.StartAsync();
        using var sender = SendingBench.Sender(time: new StandingClock(Now));
        var target = new SendTarget(receiver.Url, [], [key], SendingBench.Ample, SvixHeaders: true);

        var result = await sender.SendAsync(target, SendingBench.Message("""{"label":"Zoë 日本 €"}"""), default);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        var received = Assert.Single(receiver.Received);
        var headers = received.Headers.ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value);
        Assert.Equal(headers["webhook-signature"], headers["svix-signature"]);
        var webhook = new ReceivedSignature("node:crypto", key.ReceiversKey, headers, received.Body);
        Assert.Equal(
            ["verified", "No matching signature found", "No matching signature found"],
            await verifiers.VerifyAsync(webhook, webhook with { Secret = other.ReceiversKey }, webhook with { Body = "{}"u8.ToArray() }));
    }

    // Sends to a receiver, and keeps of what it got only the headers that the library is named for.
    private static async Task<ReceivedSignature> ReceiveAsync(
        string library, string payload, string[]? secrets = null, DateTimeOffset? at = null)
    {
        secrets ??= [SigningSecret.Generate()];
        await using var receiver = await KestrelReceiver.StartAsync();
        using var sender = SendingBench.Sender(time: new StandingClock(at ?? Now));
        var target = SendingBench.Target(receiver.Url, secrets: [.. secrets.Select(SendingBench.Parse)]);

        var result = await sender.SendAsync(target, SendingBench.Message(payload), default);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        var received = Assert.Single(receiver.Received);
        var family = library == "svix" ? "svix-" : "webhook-";
        var headers = received.Headers.Where(header => header.Key.StartsWith(family, StringComparison.OrdinalIgnoreCase)).ToDictionary();
        Assert.Equal(3, headers.Count);
        return new ReceivedSignature(library, secrets[0], headers, received.Body);
    }
}
