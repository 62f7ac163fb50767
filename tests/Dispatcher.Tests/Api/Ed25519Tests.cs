// Integrations that sign with ed25519: the receiver gets a public key, and nobody ever gets the private one.

using System.Text.Json;
using Dispatcher.Client;
using Dispatcher.Signing;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class Ed25519Tests(ApiServer api) : IClassFixture<ApiServer>, IAsyncLifetime
{
    private const string Signing = "\"signing\":\"ed25519\"";

    private Receiver _receiver = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Ed25519Key.IsAvailable, "There is no OpenSSL here: apt-get install libssl3.");
        _receiver = await Receiver.StartAsync();
    }

    public ValueTask DisposeAsync() => _receiver.DisposeAsync();

    [Fact]
    public async Task Its_secret_is_a_public_key_that_verifies_what_it_is_sent_and_the_only_signature_is_v1a()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(_receiver.Url, Signing);
        Assert.Matches("^whpk_[A-Za-z0-9+/]{43}=$", made.Text("secret"));
        Assert.Equal("ed25519", made.Text("signing"));

        await customer.PublishAsync();

        var received = (await _receiver.WaitForAsync(1))[0];
        Assert.Matches("^v1a,[A-Za-z0-9+/]{86}==$", received.Headers["webhook-signature"]);
        Assert.Equal(received.Id, new WebhookVerifier(made.Text("secret")).Verify(received.Headers, received.Body).Id);
        Assert.Equal(made.Text("secret"), (await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}/secret")).Text("secret"));
    }

    [Fact]
    public async Task A_rotation_makes_another_pair_and_both_sign_until_the_grace_ends()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(_receiver.Url, Signing);
        var path = $"/integrations/{made.Text("id")}/secret";

        var rotated = await customer.Admin.CallAsync(200, $"POST {path}/rotate", """{"grace_seconds":600}""");
        await customer.PublishAsync();

        var received = (await _receiver.WaitForAsync(1))[0];
        Assert.Equal(2, received.Headers["webhook-signature"].Split(' ').Length);
        Assert.NotEqual(made.Text("secret"), rotated.Text("secret"));
        Assert.Equal(made.Text("secret"), rotated.GetProperty("expiring")[0].Text("secret"));
        foreach (var key in new[] { made, rotated }.Select(m => m.Text("secret")))
            Assert.Equal(received.Id, new WebhookVerifier(key).Verify(received.Headers, received.Body).Id);
    }

    [Fact]
    public async Task A_given_private_key_is_taken_and_never_shown()
    {
        var customer = await api.CustomerAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(_receiver.Url, Signing)).Text("id")}/secret";
        var key = Ed25519Key.Generate();
        Assert.True(Ed25519Key.TryParse(key, out var parsed, out _));

        var rotated = await customer.Admin.CallAsync(200, $"POST {path}/rotate", $$"""{"secret":"{{key}}","grace_seconds":0}""");

        Assert.Equal(parsed.ReceiversKey, rotated.Text("secret"));
        var read = await customer.Admin.CallAsync(200, $"GET {path}");
        Assert.DoesNotContain("whsk_", read.ToString() + rotated, StringComparison.Ordinal);
        Assert.Empty(await Secrets.StoredText.FindAsync(api.Server.ConnectionString, key, key["whsk_".Length..]));
        await customer.Admin.RefusalAsync(409, $"POST {path}/rotate", $$"""{"secret":"{{key}}"}""");
    }

    [Fact]
    public async Task A_key_of_the_other_scheme_is_refused()
    {
        var customer = await api.CustomerAsync();
        var pair = await customer.RegisterAsync(_receiver.Url, Signing);
        var shared = await customer.RegisterAsync(_receiver.Url);

        await customer.Admin.RefusalAsync(422, $"POST /integrations/{pair.Text("id")}/secret/rotate", $$"""{"secret":"{{SigningSecret.Generate()}}"}""", "secret");
        await customer.Admin.RefusalAsync(422, $"POST /integrations/{shared.Text("id")}/secret/rotate", $$"""{"secret":"{{Ed25519Key.Generate()}}"}""", "secret");
        await customer.Admin.RefusalAsync(422, $"POST /integrations/{pair.Text("id")}/secret/rotate", $$"""{"secret":"{{pair.Text("secret")}}"}""", "secret");
    }

    [Fact]
    public async Task How_an_integration_signs_cannot_be_changed()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(_receiver.Url, Signing);
        var path = $"/integrations/{made.Text("id")}";
        var whole = $$"""{"type":"webhook","events":["*"],"target":"{{_receiver.Url}}"}""";

        await customer.Admin.RefusalAsync(422, $"PATCH {path}", """{"signing":"hmac"}""", "signing");
        await customer.Admin.RefusalAsync(422, $"PUT {path}", whole.Replace("{", """{"signing":"hmac",""", StringComparison.Ordinal), "signing");
        var unchanged = new[]
        {
            await customer.Admin.CallAsync(200, $"PUT {path}", whole),
            await customer.Admin.CallAsync(200, $"PATCH {path}", """{"signing":null}"""),
            await customer.Admin.CallAsync(200, $"PATCH {path}", """{"signing":"ed25519","name":"n"}"""),
        };
        Assert.All(unchanged, view => Assert.Equal("ed25519", view.Text("signing")));
        Assert.Equal(made.Text("secret"), (await customer.Admin.CallAsync(200, $"GET {path}/secret")).Text("secret"));
    }

    [Theory]
    [InlineData("\"rsa\"")]
    [InlineData("\"HMAC\"")]
    [InlineData("\"\"")]
    public async Task Another_scheme_is_refused_by_name(string scheme)
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.RefusalAsync(
            422, "POST /integrations", $$"""{"type":"webhook","events":["*"],"target":"{{_receiver.Url}}","signing":{{scheme}}}""", "signing");
    }

    [Fact]
    public async Task The_client_registers_such_an_integration_and_verifies_with_what_it_gets()
    {
        using var client = new DispatcherClient(new DispatcherClientOptions { BaseAddress = api.Operator.BaseAddress!, ApiKey = TestServer.OperatorKey });

        var made = await client.CreateIntegrationAsync(new IntegrationSettings(_receiver.Url, ["client.ed25519"]) { Signing = "ed25519" });
        await api.Operator.CallAsync(202, "POST /events", """{"type":"client.ed25519","payload":{}}""");

        var received = (await _receiver.WaitForAsync(1))[0];
        Assert.Equal("ed25519", made.Signing);
        Assert.Equal(received.Id, new WebhookVerifier(made.Secret!).Verify(received.Headers, received.Body).Id);
    }
}
