// The verification code that customers copy, run in each of its languages.

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dispatcher.Client;
using Dispatcher.Pages.Integrations;
using Dispatcher.Signing;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Portal;

public sealed class VerificationCodeRunTests(RunningSnippets snippets, ApiServer api) : IClassFixture<RunningSnippets>, IClassFixture<ApiServer>
{
    public static TheoryData<string, string> Programs => new(
        from scheme in new[] { SigningScheme.Hmac, SigningScheme.Ed25519 }
        from language in VerificationCode.LanguagesFor(scheme)
        select (language.Id, scheme));

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task What_the_server_sends_is_accepted_with_the_one_secret_and_during_a_rotation(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(snippet.Endpoint.Url!, $"\"signing\":\"{scheme}\"")).Text("id");
        var rotate = $"POST /integrations/{id}/secret/rotate";
        await customer.Admin.CallAsync(200, rotate, $$"""{"secret":"{{snippet.Secret}}","grace_seconds":0}""");

        await DeliverAsync("with.one");
        await customer.Admin.CallAsync(200, rotate, """{"grace_seconds":600}""");
        await DeliverAsync("with.two");

        async Task DeliverAsync(string type)
        {
            await customer.PublishAsync(type, """{"label":"Zoë 日本 €", "spaces" : [ 1.0 ]}""");
            var delivery = await customer.DeliveryAsync($"type={type}", "succeeded");
            Assert.Equal(1, delivery.GetProperty("attempt_count").GetInt32());
        }
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_changed_body_id_or_timestamp_is_refused(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);
        var webhook = snippet.Sign("""{"amount":100}"""u8.ToArray());
        await snippet.AcceptsAsync(webhook);

        await snippet.RefusesAsync(webhook with { Body = """{"amount":900}"""u8.ToArray() });
        await snippet.RefusesAsync(webhook with { Body = """{"amount":100} """u8.ToArray() });
        await snippet.RefusesAsync(webhook with { Body = [] });
        await snippet.RefusesAsync(webhook with { Id = "evt_2" });
        await snippet.RefusesAsync(webhook with { Timestamp = $"{long.Parse(webhook.Timestamp!, CultureInfo.InvariantCulture) - 1}" });
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task The_body_is_taken_as_the_bytes_that_came(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);
        var bytes = Enumerable.Range(0, 300_000).Select(i => (byte)i).ToArray();

        await snippet.AcceptsAsync(snippet.Sign(bytes));
        await snippet.AcceptsAsync(snippet.Sign("{\r\n \"a\" : 1.0 }\n\n"u8.ToArray()));
        await snippet.AcceptsAsync(snippet.Sign([]));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task Another_secret_is_refused(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);

        await snippet.RefusesAsync(snippet.Sign(keys: snippet.OtherKey()));
        await snippet.RefusesAsync(snippet.Sign(keys: [snippet.OtherKey(), snippet.OtherKey()]));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task Any_of_several_signatures_is_enough(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);

        await snippet.AcceptsAsync(snippet.Sign(keys: [snippet.OtherKey(), snippet.Key]));
        await snippet.AcceptsAsync(snippet.Sign(keys: [snippet.Key, snippet.OtherKey()]));
        var webhook = snippet.Sign();
        await snippet.AcceptsAsync(webhook with { Signature = $"v2,AAAA {snippet.Key.Version} {snippet.Key.Version}%% {webhook.Signature}" });
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task Timestamps_may_be_five_minutes_from_now_and_no_more(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);

        await snippet.AcceptsAsync(snippet.Sign(age: 240));
        await snippet.AcceptsAsync(snippet.Sign(age: -240));
        await snippet.RefusesAsync(snippet.Sign(age: 302));
        await snippet.RefusesAsync(snippet.Sign(age: -360));
        await snippet.RefusesAsync(snippet.Sign(age: 1_000_000_000));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task What_is_missing_or_no_signature_at_all_is_refused(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);
        var webhook = snippet.Sign();
        var version = snippet.Key.Version;

        await snippet.RefusesAsync(webhook with { Id = null });
        await snippet.RefusesAsync(webhook with { Signature = null });
        foreach (var timestamp in new[] { null, "", "now", "1e9", "-1", $"{webhook.Timestamp}.5", $"{webhook.Timestamp}x", new string('9', 40) })
            await snippet.RefusesAsync(webhook with { Timestamp = timestamp });
        foreach (var signature in new[] { "", "v1", ",", version, version + "AAAA", version + "%%%", version + "é", "*", webhook.Signature![..^8], webhook.Signature[version.Length..] })
            await snippet.RefusesAsync(webhook with { Signature = signature });
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task A_signature_of_the_other_scheme_is_refused(string language, string scheme)
    {
        var snippet = await snippets.GetAsync(language, scheme);
        var webhook = snippet.Sign();
        var (version, encoded) = (snippet.Key.Version, webhook.Signature![snippet.Key.Version.Length..]);
        var other = version == "v1," ? "v1a," : "v1,";

        await snippet.RefusesAsync(webhook with { Signature = other + encoded });
        // Whoever knows a public key could do this, too.
        var known = Convert.FromBase64String(snippet.Key.ReceiversKey.Split('_')[1]);
        if (scheme == SigningScheme.Ed25519) await snippet.RefusesAsync(SignWith(known, webhook));
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task Without_a_secret_of_its_kind_nothing_is_accepted(string language, string scheme)
    {
        var valid = await snippets.GetAsync(language, scheme);
        var prefix = valid.Key.ReceiversKey.Split('_')[0] + "_";
        // WebhookVerifier takes both kinds, each for its own signatures.
        var otherKind = language == "csharp-client" ? prefix : (prefix == "whsec_" ? "whpk_" : "whsec_") + Convert.ToBase64String(new byte[32]);

        foreach (var secret in new[] { null, prefix, otherKind })
        {
            await using var endpoint = await snippets.StartAsync(language, scheme, secret);
            if (endpoint.Url is null) continue;
            var statuses = new[]
            {
                await endpoint.PostAsync(valid.Sign()),
                await endpoint.PostAsync(SignWith([], valid.Sign())),
                await endpoint.PostAsync(SignWith(new byte[32], valid.Sign())),
            };
            Assert.All(statuses, status => Assert.InRange(status, 400, 599));
        }
    }

    [Fact]
    public async Task The_shell_s_code_sends_a_webhook_that_verifies()
    {
        var (folder, command) = await snippets.PrepareAsync("shell", SigningScheme.Hmac);
        await using var receiver = await Receiver.StartAsync();
        var secret = SigningSecret.Generate();

        var (exitCode, said) = await SnippetRuntime.RunAsync(folder, [.. command, "send", receiver.Url.ToString()], secret, """{"label":"Zoë"}"""u8.ToArray());

        Assert.True(exitCode == 0, said);
        Assert.Contains("204", said, StringComparison.Ordinal);
        var received = Assert.Single(receiver.All);
        Assert.Equal("""{"label":"Zoë"}""", received.Text);
        Assert.Equal(received.Id, new WebhookVerifier(secret).Verify(received.Headers, received.Body).Id);
    }

    /// <summary>Signs with HMAC-SHA256 and any key, even one that is no secret.</summary>
    private static SignedWebhook SignWith(byte[] key, SignedWebhook webhook)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{webhook.Id}.{webhook.Timestamp}."), .. webhook.Body];
        return webhook with { Signature = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed)) };
    }
}
