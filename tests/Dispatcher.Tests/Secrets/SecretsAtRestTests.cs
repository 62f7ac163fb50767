// Secrets in the database: never in the clear, bound to their rows, brought under the first key by every start.

using System.Text;
using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Client;
using Dispatcher.Secrets;
using Dispatcher.Storage;
using Dispatcher.Tests.Api;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Secrets;

public sealed class SecretsAtRestTests(PostgresFixture postgres)
{
    private const string OldKey = "the-old-key-of-these-tests";
    private const string NewKey = "the-new-key-of-these-tests";
    private const string Header = "header-value-c0ffee";
    private const string Password = "password-beef";

    /// <summary>Sealed and clear values by the id of their key; the clear ones have none.</summary>
    private const string KeysInUse =
        """
        SELECT coalesce(string_agg(DISTINCT dispatcher.key_of(v.stored), ','), '-')
        FROM (SELECT secret FROM dispatcher.integration_secret
              UNION ALL SELECT basic_password FROM dispatcher.integration WHERE basic_password IS NOT NULL
              UNION ALL SELECT h.value FROM dispatcher.integration i CROSS JOIN LATERAL jsonb_each_text(i.headers) h) v (stored)
        """;

    [Fact]
    public async Task No_secret_is_in_any_column_of_any_table()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres);
        var given = "whsec_" + Convert.ToBase64String(Encoding.ASCII.GetBytes("a secret of the tests at rest"));
        var body = Body(receiver.Url);

        // Shown once, and once more to whoever repeats the call.
        var made = await CallAsync(server, "POST /integrations", body, "create");
        Assert.Equal(made.Text("secret"), (await CallAsync(server, "POST /integrations", body, "create")).Text("secret"));
        var path = $"/integrations/{made.Text("id")}";
        await DeliverAsync(server, receiver, 1, made.Text("secret"));
        var rotated = (await CallAsync(server, $"POST {path}/secret/rotate", "{}", "rotate")).Text("secret");
        await server.Client.CallAsync(200, $"POST {path}/secret/rotate", $$"""{"secret":"{{given}}"}""");
        await server.Client.CallAsync(200, $"PATCH {path}", """{"headers":{"X-Other":"another-c0ffee"},"basic_auth":{"password":"another-beef"}}""");
        await DeliverAsync(server, receiver, 2, made.Text("secret"), rotated, given);

        var last = receiver.All[^1].Headers;
        Assert.Equal(Header, last["x-token"]);
        Assert.Equal("another-c0ffee", last["x-other"]);
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes("somebody:another-beef"));
        Assert.Equal($"Basic {basic}", last["authorization"]);

        string[] secrets = [made.Text("secret"), rotated, given];
        string[] clear =
        [
            .. secrets, .. secrets.Select(s => s["whsec_".Length..]), Header, Password, "another-c0ffee", "another-beef",
            basic, Convert.ToBase64String(Encoding.UTF8.GetBytes($"somebody:{Password}")), TestServer.OperatorKey,
        ];
        Assert.Empty(await StoredText.FindAsync(server.ConnectionString, clear));
        // What is not secret is found: the search looks where things are.
        var found = await StoredText.FindAsync(server.ConnectionString, "X-Token", "x-token", "********", "somebody");
        Assert.Contains("dispatcher.integration: X-Token", found);
        Assert.Contains("dispatcher.integration: somebody", found);
        Assert.Contains("dispatcher.request_headers: x-token", found);
        Assert.Contains("dispatcher.request_headers: ********", found);
    }

    [Fact]
    public async Task Patch_and_put_with_masks_keep_the_values_and_a_new_spelling_of_a_header_keeps_its_value()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres);
        var made = await server.Client.CallAsync(201, "POST /integrations", Body(receiver.Url));
        var path = $"/integrations/{made.Text("id")}";

        await server.Client.CallAsync(200, $"PUT {path}", Body(receiver.Url, "********", "********"));
        await server.Client.CallAsync(200, $"PATCH {path}", """{"headers":{"X-TOKEN":"********"},"basic_auth":{"username":"somebody else"}}""");
        await DeliverAsync(server, receiver, 1, made.Text("secret"));

        Assert.Equal(Header, receiver.All[0].Headers["x-token"]);
        Assert.Equal(Basic("somebody else"), receiver.All[0].Headers["authorization"]);
    }

    [Fact]
    public async Task A_value_moved_to_another_row_does_not_open_there_and_costs_no_delivery()
    {
        await using var receiver = await Receiver.StartAsync();
        await using var server = await TestServer.StartAsync(postgres);
        var records = new Records(server.ConnectionString);
        await server.Client.CallAsync(201, "POST /integrations", Body(new Uri("http://127.0.0.1:9/hook"), events: "other"));
        var made = await server.Client.CallAsync(201, "POST /integrations", Body(receiver.Url));
        var path = $"/integrations/{made.Text("id")}";

        await records.ExecuteAsync("UPDATE dispatcher.integration SET headers = (SELECT headers FROM dispatcher.integration ORDER BY id LIMIT 1) WHERE 'a.b' = ANY(events)");
        var id = (await server.PublishAsync("a.b")).Text("id");
        // Its lane tries, gives the delivery back and takes it again: the row changes.
        var row = await records.ScalarAsync<string>("SELECT xmin::text FROM dispatcher.queue");
        await Eventually.TrueAsync(async () => await records.ScalarAsync<string>("SELECT xmin::text FROM dispatcher.queue") != row, "the delivery is given back");
        Assert.Empty(receiver.All);
        await server.Client.CallAsync(200, $"PATCH {path}", $$$"""{"headers":{"X-Token":"{{{Header}}}"}}""");
        var received = Assert.Single(await receiver.WaitForAsync(1));
        Assert.Equal((id, 1, Header), (received.Id, received.Attempt, received.Headers["x-token"]));

        await records.ExecuteAsync("UPDATE dispatcher.integration_secret SET secret = (SELECT secret FROM dispatcher.integration_secret ORDER BY id LIMIT 1)");
        await server.Client.RefusalAsync(503, $"GET {path}/secret");
    }

    [Fact]
    public async Task What_an_older_version_stored_in_the_clear_is_sealed_at_start_and_delivered_with_the_same_signature()
    {
        await using var receiver = await Receiver.StartAsync();
        var secret = "whsec_" + Convert.ToBase64String(Encoding.ASCII.GetBytes("stored by an older version"));
        string database;
        await using (var older = await TestServer.StartAsync(postgres))
        {
            database = older.ConnectionString;
            await older.Client.CallAsync(201, "POST /integrations", Body(receiver.Url));
        }

        var records = new Records(database);
        await records.ExecuteAsync($"UPDATE dispatcher.integration_secret SET secret = '{secret}'");
        await records.ExecuteAsync($$"""UPDATE dispatcher.integration SET headers = '{"X-Token":"{{Header}}"}', basic_password = '{{Password}}'""");
        Assert.NotEmpty(await StoredText.FindAsync(database, secret, Header, Password));

        await using var server = await TestServer.StartAsync(postgres, connectionString: database);

        Assert.Empty(await StoredText.FindAsync(database, secret, Header, Password));
        await DeliverAsync(server, receiver, 1, secret);
        Assert.Equal(Header, receiver.All[0].Headers["x-token"]);
        Assert.Equal(Basic("somebody"), receiver.All[0].Headers["authorization"]);
    }

    [Fact]
    public async Task Headers_that_older_versions_took_and_rules_refuse_now_do_not_keep_deliveries_from_going()
    {
        await using var receiver = await Receiver.StartAsync();
        string database;
        await using (var older = await TestServer.StartAsync(postgres))
        {
            database = older.ConnectionString;
            await older.Client.CallAsync(201, "POST /integrations", $$"""{"type":"webhook","events":["a.b"],"target":"{{receiver.Url}}"}""");
        }

        await new Records(database).ExecuteAsync("""UPDATE dispatcher.integration SET headers = '{"X-Token":"of then \t","Trailers":"yes"}'""");
        await using var server = await TestServer.StartAsync(postgres, connectionString: database);
        await server.PublishAsync("a.b");

        var post = (await receiver.WaitForAsync(1))[0];
        Assert.Equal("of then", post.Headers["x-token"]);
        Assert.DoesNotContain("trailers", post.Headers.Keys);
    }

    [Fact]
    public async Task Of_thousands_of_clear_rows_none_is_left_by_nodes_that_start_at_once()
    {
        string database;
        await using (var older = await TestServer.StartAsync(postgres)) database = older.ConnectionString;
        var records = new Records(database);
        await records.ExecuteAsync(
            $$"""
            INSERT INTO dispatcher.integration (organization_id, id, type, events, target, headers, enabled)
            SELECT 'default', gen_random_uuid(), 'webhook', '{a.b}', 'http://127.0.0.1:9/', '{"X-Token":"{{Header}}"}', false FROM generate_series(1, 1700)
            """);
        await records.ExecuteAsync(
            """
            INSERT INTO dispatcher.integration_secret (organization_id, id, integration_id, secret)
            SELECT organization_id, gen_random_uuid(), id, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' FROM dispatcher.integration
            """);

        var nodes = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => TestServer.StartAsync(postgres, connectionString: database)));

        foreach (var node in nodes) await node.DisposeAsync();
        Assert.Equal(EncryptionKey.Of(TestServer.OperatorKey).Id, await records.ScalarAsync<string>(KeysInUse));
    }

    [Fact]
    public async Task A_rotation_of_the_key_seals_everything_anew_and_then_the_old_key_can_go()
    {
        await using var receiver = await Receiver.StartAsync();
        string database, secret;
        await using (var old = await TestServer.StartAsync(postgres, Keys(OldKey)))
        {
            database = old.ConnectionString;
            secret = (await old.Client.CallAsync(201, "POST /integrations", Body(receiver.Url))).Text("secret");
            await DeliverAsync(old, receiver, 1, secret);
        }

        var records = new Records(database);
        Assert.Equal(EncryptionKey.Of(OldKey).Id, await records.ScalarAsync<string>(KeysInUse));
        // First every node learns to read with the new key, then it becomes the first one, then the old one goes.
        foreach (var (keys, first) in new[] { (new[] { OldKey, NewKey }, OldKey), ([NewKey, OldKey], NewKey), ([NewKey], NewKey) })
        {
            await using var server = await TestServer.StartAsync(postgres, Keys(keys), connectionString: database);
            Assert.Equal(EncryptionKey.Of(first).Id, await records.ScalarAsync<string>(KeysInUse));
            await DeliverAsync(server, receiver, receiver.All.Count + 1, secret);
            Assert.Equal((Header, Basic("somebody")), (receiver.All[^1].Headers["x-token"], receiver.All[^1].Headers["authorization"]));
        }

        var refused = await Assert.ThrowsAsync<DatabaseSetupException>(() => TestServer.StartAsync(postgres, Keys(OldKey), connectionString: database));
        Assert.Contains(EncryptionKey.Of(NewKey).Id, refused.Message, StringComparison.Ordinal);
        Assert.Contains("Dispatcher__Encryption__Keys__1", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(OldKey, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_a_rotation_has_passed_by_keeps_deliveries_and_loses_none()
    {
        await using var receiver = await Receiver.StartAsync();
        var old = await TestServer.StartAsync(postgres, Keys(OldKey));
        var records = new Records(old.ConnectionString);
        string secret, id;
        await using (old)
        {
            var made = await old.Client.CallAsync(201, "POST /integrations", Body(receiver.Url));
            secret = made.Text("secret");
            await DeliverAsync(old, receiver, 1, secret);
            // It sends nothing itself: what is published now is the old node's to send.
            await using var api = await TestServer.StartAsync(
                postgres, new(Keys(NewKey, OldKey)) { ["Dispatcher:Roles"] = "api" }, connectionString: old.ConnectionString);
            id = (await api.PublishAsync("a.b")).Text("id");
            await old.Client.RefusalAsync(503, $"GET /integrations/{made.Text("id")}/secret");
            Assert.Equal(secret, (await api.GetAsync($"/integrations/{made.Text("id")}/secret")).Text("secret"));
            Assert.Single(receiver.All);
        }

        await using var both = await TestServer.StartAsync(postgres, Keys(OldKey, NewKey), connectionString: old.ConnectionString);
        var received = (await receiver.WaitForAsync(2))[1];
        Assert.Equal((id, 1), (received.Id, received.Attempt));
        Verify(received, secret);
    }

    [Fact]
    public async Task Without_any_key_a_file_holds_one_a_second_start_reads_it_and_without_it_the_start_is_refused()
    {
        await using var receiver = await Receiver.StartAsync();
        var folder = Directory.CreateTempSubdirectory("dispatcher-data-");
        try
        {
            var settings = Folder(folder.FullName);
            string database, secret, key;
            await using (var first = await TestServer.StartAsync(postgres, settings))
            {
                database = first.ConnectionString;
                key = (await first.Services.GetRequiredService<FirstKey>().EnsureAsync(TestContext.Current.CancellationToken))!;
                using var client = first.ClientWith(key);
                secret = (await client.CallAsync(201, "POST /integrations", Body(receiver.Url))).Text("secret");
            }

            Assert.Empty(await StoredText.FindAsync(database, secret, Header, Password));
            await using (var second = await TestServer.StartAsync(postgres, settings, connectionString: database))
            {
                using var client = second.ClientWith(key);
                await client.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""");
                Verify((await receiver.WaitForAsync(1))[0], secret);
            }

            File.Move(Path.Combine(folder.FullName, KeyFile.Name), Path.Combine(folder.FullName, "elsewhere"));
            var refused = await Assert.ThrowsAsync<DatabaseSetupException>(() => TestServer.StartAsync(postgres, settings, connectionString: database));
            Assert.Contains(Path.Combine(folder.FullName, KeyFile.Name), refused.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string?> Folder(string path) => new() { ["Dispatcher:OperatorKey"] = null, ["Dispatcher:DataDirectory"] = path };

    private static Dictionary<string, string?> Keys(params string[] keys) =>
        keys.Select((key, i) => ($"Dispatcher:Encryption:Keys:{i}", key)).ToDictionary(k => k.Item1, k => (string?)k.key);

    private static string Body(Uri target, string header = Header, string password = Password, string events = "a.b") =>
        $$$"""
        {"type":"webhook","events":["{{{events}}}"],"target":"{{{target}}}","headers":{"X-Token":"{{{header}}}"},
         "basic_auth":{"username":"somebody","password":"{{{password}}}"}}
        """;

    private static string Basic(string user) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{Password}"));

    private static async Task<JsonElement> CallAsync(TestServer server, string call, string body, string idempotencyKey)
    {
        using var answer = await server.Client.RequestAsync(call, body, idempotencyKey: idempotencyKey);
        Assert.True(answer.IsSuccessStatusCode);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Has an event delivered as the receiver's so-manieth, recorded, and signed with each of the secrets.</summary>
    private static async Task DeliverAsync(TestServer server, Receiver receiver, int count, params string[] secrets)
    {
        var id = (await server.PublishAsync("a.b")).Text("id");
        var received = (await receiver.WaitForAsync(count))[count - 1];
        Assert.Equal(id, received.Id);
        foreach (var secret in secrets) Verify(received, secret);
        await Eventually.TrueAsync(
            async () => (await server.GetAsync($"/deliveries?event={id}")).Data() is [var delivery] && delivery.Text("status") == "succeeded", "the delivery is recorded");
    }

    private static void Verify(Received received, string secret) => Assert.Equal(received.Id, new WebhookVerifier(secret).Verify(received.Headers, received.Body).Id);
}
