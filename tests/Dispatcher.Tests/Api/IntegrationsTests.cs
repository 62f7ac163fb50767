// Section 3 of the contract: the endpoints that customers register.

using System.Text.Json;
using Dispatcher.Client;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Api;

public sealed class IntegrationsTests(ApiServer api, PostgresFixture postgres) : IClassFixture<ApiServer>
{
    private const string Mask = "********";

    [Fact]
    public async Task A_target_that_an_earlier_version_took_keeps_nobody_from_changing_the_rest()
    {
        var customer = await api.CustomerAsync();
        var id = (await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id");
        await new Records(api.Server.ConnectionString).ExecuteAsync(
            $"UPDATE dispatcher.integration SET target = 'http://example.com:0/' WHERE organization_id = '{customer.Id}'");

        await customer.Admin.RefusalAsync(422, $"PATCH /integrations/{id}", """{"target":"http://example.org:0/"}""", "target");
        var changed = await customer.Admin.CallAsync(200, $"PATCH /integrations/{id}", """{"enabled":false,"name":"Old"}""");

        Assert.Equal("http://example.com:0/", changed.Text("target"));
    }

    [Fact]
    public async Task The_minimum_of_the_contract_is_registered_with_every_default()
    {
        var customer = await api.CustomerAsync();
        using var answer = await customer.Admin.RequestAsync(
            "POST /integrations", """{"type":"webhook","events":["document_predict"],"target":"https://example.com/hook"}""");
        var made = await TestServer.ReadAsync(answer, System.Net.HttpStatusCode.Created);

        Assert.Equal($"/integrations/{made.Text("id")}", answer.Headers.Location?.OriginalString);
        // The secret is there, this once.
        Assert.Equal(24, Convert.FromBase64String(made.Text("secret")["whsec_".Length..]).Length);
        Assert.StartsWith("whsec_", made.Text("secret"), StringComparison.Ordinal);
        var read = await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}");
        AssertIs(
            """
            {"type":"webhook","name":null,"events":["document_predict"],"target":"https://example.com/hook","headers":{},"project":null,"inbox":null,
             "enabled":true,"disabled_reason":null,"rate_limit_per_second":null,"max_concurrency":null,"timeout_seconds":15,
             "retry":{"base_seconds":0.01,"max_attempts":10},"ordering":"none","signing":"hmac","metadata":{}}
            """, read);
        Assert.Equal(made.Members().Except(["secret"]), read.Members());
    }

    [Fact]
    public async Task The_full_example_of_the_contract_reads_back_as_given_but_for_masked_values()
    {
        var customer = await api.CustomerAsync();
        const string full =
            """
            {"type":"webhook","name":"ERP","events":["job.*","document_predict"],"target":"https://example.com/hook",
             "headers":{"Authorization":"Bearer abcdefg"},"project":"invoices","inbox":"mail-1","enabled":true,
             "rate_limit_per_second":50,"max_concurrency":20,"timeout_seconds":15,
             "retry":{"base_seconds":2,"max_attempts":10},"ordering":"none","metadata":{"team":"erp"}}
            """;
        var made = await customer.Admin.CallAsync(201, "POST /integrations", full);

        var read = await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}");

        AssertIs(
            full.Replace("Bearer abcdefg", Mask, StringComparison.Ordinal)
                .Replace("\"enabled\":true", "\"enabled\":true,\"disabled_reason\":null,\"signing\":\"hmac\"", StringComparison.Ordinal), read);
        Assert.Equal(made.Text("id"), (await customer.Admin.CallAsync(200, "GET /integrations")).Data()[0].Text("id"));
    }

    public static TheoryData<string, string> Refusals => new()
    {
        // member at fault, members laid over the minimum (null takes one away)
        { "type", """{"type":null}""" },
        { "type", """{"type":"email"}""" },
        { "type", """{"type":"Webhook"}""" },
        { "type", """{"type":1}""" },
        { "events", """{"events":null}""" },
        { "events", """{"events":[]}""" },
        { "events", """{"events":"job.*"}""" },
        { "events[0]", """{"events":[null]}""" },
        { "events[1]", """{"events":["a.b",""]}""" },
        { "events[0]", """{"events":["job*"]}""" },
        { "events[0]", """{"events":["*.created"]}""" },
        { "events[0]", """{"events":["job.*.x"]}""" },
        { "events[0]", """{"events":[".*"]}""" },
        { "events[0]", """{"events":["job..x"]}""" },
        { "events[0]", """{"events":["job.ü"]}""" },
        { "events[0]", $$"""{"events":["{{new string('a', 129)}}"]}""" },
        { "events", $$"""{"events":[{{string.Join(",", Enumerable.Range(0, 101).Select(i => $"\"e{i}\""))}}]}""" },
        { "target", """{"target":null}""" },
        { "target", """{"target":""}""" },
        { "target", """{"target":"example.com/hook"}""" },
        { "target", """{"target":"/hook"}""" },
        { "target", """{"target":"ftp://example.com/"}""" },
        { "target", """{"target":"javascript:alert(1)"}""" },
        { "target", """{"target":"file:///etc/passwd"}""" },
        { "target", """{"target":"http://"}""" },
        { "target", """{"target":"http:///hook"}""" },
        { "target", """{"target":"https://example.com:99999/"}""" },
        { "target", """{"target":"https://example.com:0/"}""" },
        { "target", """{"target":" https://example.com/"}""" },
        { "target", """{"target":"https://example.com/a b"}""" },
        { "target", """{"target":"https://example.com/a\nb"}""" },
        { "target", """{"target":"https://example.com/#part"}""" },
        { "target", """{"target":"https://user:password@example.com/"}""" },
        { "target", """{"target":"https://user@example.com/"}""" },
        { "target", $$"""{"target":"https://example.com/{{new string('a', 2048)}}"}""" },
        { "headers.Host", """{"headers":{"Host":"a"}}""" },
        { "headers.Connection", """{"headers":{"Connection":"close"}}""" },
        { "headers.Keep-Alive", """{"headers":{"Keep-Alive":"a"}}""" },
        { "headers.Proxy-Authorization", """{"headers":{"Proxy-Authorization":"a"}}""" },
        { "headers.proxy-authenticate", """{"headers":{"proxy-authenticate":"a"}}""" },
        { "headers.Proxy-Connection", """{"headers":{"Proxy-Connection":"a"}}""" },
        { "headers.TE", """{"headers":{"TE":"trailers"}}""" },
        { "headers.Trailer", """{"headers":{"Trailer":"a"}}""" },
        { "headers.Transfer-Encoding", """{"headers":{"Transfer-Encoding":"chunked"}}""" },
        { "headers.UPGRADE", """{"headers":{"UPGRADE":"h2c"}}""" },
        { "headers.Content-Type", """{"headers":{"Content-Type":"text/plain"}}""" },
        { "headers.content-length", """{"headers":{"content-length":"1"}}""" },
        { "headers.webhook-id", """{"headers":{"webhook-id":"a"}}""" },
        { "headers.Webhook-Anything", """{"headers":{"Webhook-Anything":"a"}}""" },
        { "headers.svix-signature", """{"headers":{"svix-signature":"a"}}""" },
        { "headers.Dispatcher-Attempt", """{"headers":{"Dispatcher-Attempt":"1"}}""" },
        { "headers.", """{"headers":{"":"a"}}""" },
        { "headers.X Y", """{"headers":{"X Y":"a"}}""" },
        { "headers.X:", """{"headers":{"X:":"a"}}""" },
        { "headers.x-a", """{"headers":{"X-A":"1","x-a":"2"}}""" },
        { "headers.X-A", """{"headers":{"X-A":"line\r\nX-B: injected"}}""" },
        { "headers.X-A", """{"headers":{"X-A":null}}""" },
        { "headers.X-A", """{"headers":{"X-A":1}}""" },
        { "headers.X-A", """{"headers":{"X-A":"********"}}""" },
        { "headers.X-A", $$$"""{"headers":{"X-A":"{{{new string('a', 4097)}}}"}}""" },
        { "headers", $$$"""{"headers":{{{{string.Join(",", Enumerable.Range(0, 33).Select(i => $"\"X-{i}\":\"a\""))}}}}}""" },
        { "headers", """{"headers":[]}""" },
        { "headers.Authorization", """{"headers":{"Authorization":"a"},"basic_auth":{"username":"u","password":"p"}}""" },
        { "basic_auth.username", """{"basic_auth":{"password":"p"}}""" },
        { "basic_auth.username", """{"basic_auth":{"username":"a:b","password":"p"}}""" },
        { "basic_auth.password", """{"basic_auth":{"username":"u"}}""" },
        { "basic_auth.password", """{"basic_auth":{"username":"u","password":"********"}}""" },
        { "basic_auth", """{"basic_auth":"u:p"}""" },
        { "name", """{"name":""}""" },
        { "name", $$"""{"name":"{{new string('n', 201)}}"}""" },
        { "project", """{"project":"a b"}""" },
        { "project", """{"project":""}""" },
        { "inbox", """{"inbox":"a/b"}""" },
        { "enabled", """{"enabled":"yes"}""" },
        { "rate_limit_per_second", """{"rate_limit_per_second":0}""" },
        { "rate_limit_per_second", """{"rate_limit_per_second":100001}""" },
        { "rate_limit_per_second", """{"rate_limit_per_second":1.5}""" },
        { "max_concurrency", """{"max_concurrency":0}""" },
        { "max_concurrency", """{"max_concurrency":1001}""" },
        { "timeout_seconds", """{"timeout_seconds":0}""" },
        { "timeout_seconds", """{"timeout_seconds":301}""" },
        { "timeout_seconds", """{"timeout_seconds":"15"}""" },
        { "retry.base_seconds", """{"retry":{"base_seconds":0}}""" },
        { "retry.base_seconds", """{"retry":{"base_seconds":3601}}""" },
        { "retry.max_attempts", """{"retry":{"max_attempts":0}}""" },
        { "retry.max_attempts", """{"retry":{"max_attempts":11}}""" },
        { "retry.strategy", """{"retry":{"strategy":"linear"}}""" },
        { "ordering", """{"ordering":"fifo"}""" },
        { "metadata", """{"metadata":[]}""" },
        { "metadata", """{"metadata":"a"}""" },
        { "metadata", $$$"""{"metadata":{"a":"{{{new string('a', 16 * 1024)}}}"}}""" },
        { "metadata", """{"metadata":{"a":1,"a":2}}""" },
        { "secret", """{"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}""" },
        { "id", """{"id":"int_1"}""" },
        { "Events", """{"Events":["a"]}""" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_wrong_member_is_refused_by_name_in_post_put_and_patch(string member, string change)
    {
        var body = new Dictionary<string, JsonElement>(
            JsonElement.Parse("""{"type":"webhook","events":["a.b"],"target":"https://example.com/hook"}""").EnumerateObject().Select(m => KeyValuePair.Create(m.Name, m.Value)));
        foreach (var m in JsonElement.Parse(change).EnumerateObject()) body[m.Name] = m.Value;
        var customer = await api.CustomerAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id")}";

        await customer.Admin.RefusalAsync(422, "POST /integrations", JsonSerializer.Serialize(body), member);
        await customer.Admin.RefusalAsync(422, $"PUT {path}", JsonSerializer.Serialize(body), member);
        // In a patch a null takes a header away.
        if (!change.Contains("X-A\":null", StringComparison.Ordinal)) await customer.Admin.RefusalAsync(422, $"PATCH {path}", change, member);
        Assert.Equal("https://example.com/", (await customer.Admin.CallAsync(200, $"GET {path}")).Text("target"));
        Assert.Single((await customer.Admin.CallAsync(200, "GET /integrations")).Data());
    }

    [Fact]
    public async Task Every_wrong_member_is_named_in_one_answer() => await api.Operator.RefusalAsync(
        422, "POST /integrations", """{"type":"sms","events":[],"target":"nowhere","timeout_seconds":-1,"retry":{"max_attempts":99}}""",
        "type", "events", "target", "timeout_seconds", "retry.max_attempts");

    [Fact]
    public async Task A_target_with_a_password_is_refused_with_a_hint_at_what_to_use()
    {
        var problem = await api.Operator.RefusalAsync(
            422, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://user:geheim@example.com/"}""", "target");

        Assert.Contains("basic_auth", problem.Text("detail"), StringComparison.Ordinal);
        Assert.Contains("headers", problem.Text("detail"), StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", problem.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://example.com")]
    [InlineData("https://example.com:8443/a/b?c=d&e=%20")]
    [InlineData("http://192.0.2.1/hook")]
    [InlineData("https://[2001:db8::1]:8080/hook")]
    [InlineData("HTTPS://EXAMPLE.COM/Hook")]
    [InlineData("https://bücher.example/hook")]
    public async Task An_absolute_http_url_is_a_target_and_reads_back_as_given(string target)
    {
        var customer = await api.CustomerAsync();

        var made = await customer.Admin.CallAsync(201, "POST /integrations", $$"""{"type":"webhook","events":["*"],"target":"{{target}}"}""");

        Assert.Equal(target, made.Text("target"));
    }

    [Fact]
    public async Task Sizes_at_their_limits_are_taken()
    {
        var customer = await api.CustomerAsync();
        var headers = string.Join(",", Enumerable.Range(0, 32).Select(i => $"\"X-{i}\":\"{new string('a', i == 0 ? 4096 : 1)}\""));
        var events = string.Join(",", Enumerable.Range(0, 100).Select(i => $"\"e{i}\""));
        var target = "https://example.com/" + new string('a', 2048 - "https://example.com/".Length);

        await customer.Admin.CallAsync(
            201, "POST /integrations",
            $$"""
            {"type":"webhook","events":[{{events}}],"target":"{{target}}","headers":{{{headers}}},"name":"{{new string('n', 200)}}","rate_limit_per_second":100000,
             "max_concurrency":1000,"timeout_seconds":300,"retry":{"base_seconds":3600,"max_attempts":1},"metadata":{"a":"{{new string('a', (16 * 1024) - 8)}}"} }
            """);
    }

    [Fact]
    public async Task With_required_https_an_http_target_is_refused()
    {
        await using var strict = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Egress:RequireHttps"] = "true" });

        await strict.Client.RefusalAsync(422, "POST /integrations", """{"type":"webhook","events":["*"],"target":"http://example.com/"}""", "target");
        await strict.Client.CallAsync(201, "POST /integrations", """{"type":"webhook","events":["*"],"target":"https://example.com/"}""");
    }

    [Fact]
    public async Task Masked_values_sent_back_keep_what_is_there_whatever_the_case_of_the_header()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(receiver.Url, """ "headers":{"X-Token":"one","X-Other":"two"} """);
        var path = $"/integrations/{made.Text("id")}";
        Assert.Equal([Mask, Mask], made.GetProperty("headers").EnumerateObject().Select(h => h.Value.GetString()));

        // What was read is sent back, one value changed, one header in another case.
        await customer.Admin.CallAsync(
            200, $"PUT {path}", $$$"""{"type":"webhook","events":["*"],"target":"{{{receiver.Url}}}","headers":{"x-token":"{{{Mask}}}","X-Other":"three"}}""");
        await customer.PublishAsync();
        await receiver.WaitForAsync(1);
        await customer.Admin.CallAsync(200, $"PATCH {path}", $$$"""{"headers":{"x-token":"{{{Mask}}}","X-Third":"four"}}""");
        await customer.PublishAsync();

        var posts = await receiver.WaitForAsync(2);
        Assert.Equal(["one", "three"], [posts[0].Headers["x-token"], posts[0].Headers["x-other"]]);
        Assert.Equal(["one", "three", "four"], [posts[1].Headers["x-token"], posts[1].Headers["x-other"], posts[1].Headers["x-third"]]);
    }

    [Fact]
    public async Task Basic_auth_is_sent_reads_back_masked_and_survives_a_round_trip()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(receiver.Url, """ "basic_auth":{"username":"ä","password":"p:w"} """);
        var path = $"/integrations/{made.Text("id")}";
        Http.AssertJson($$"""{"username":"ä","password":"{{Mask}}"}""", made.GetProperty("basic_auth"));

        await customer.Admin.CallAsync(200, $"PATCH {path}", $$$"""{"basic_auth":{"username":"b","password":"{{{Mask}}}"}}""");
        await customer.PublishAsync();
        await receiver.WaitForAsync(1);
        var afterPatch = await customer.Admin.CallAsync(200, $"PATCH {path}", """{"basic_auth":null}""");
        await customer.PublishAsync();

        var posts = await receiver.WaitForAsync(2);
        Assert.Equal("Basic " + Convert.ToBase64String("b:p:w"u8), posts[0].Headers["authorization"]);
        Assert.False(posts[1].Headers.ContainsKey("authorization"));
        Assert.DoesNotContain("basic_auth", afterPatch.Members());
    }

    [Fact]
    public async Task Put_replaces_everything_and_what_is_left_out_falls_back_to_its_default()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(
            new Uri("https://example.com/"),
            """
            "name":"n","headers":{"X-A":"a"},"project":"p","inbox":"i","enabled":false,"rate_limit_per_second":1,"max_concurrency":2,"timeout_seconds":3,
            "retry":{"base_seconds":4,"max_attempts":5},"ordering":"by_key","metadata":{"m":1}
            """);
        var path = $"/integrations/{made.Text("id")}";

        var put = await customer.Admin.CallAsync(200, $"PUT {path}", """{"type":"webhook","events":["x"],"target":"https://example.com/new"}""");

        AssertIs(
            """
            {"type":"webhook","name":null,"events":["x"],"target":"https://example.com/new","headers":{},"project":null,"inbox":null,
             "enabled":true,"disabled_reason":null,"rate_limit_per_second":null,"max_concurrency":null,"timeout_seconds":15,
             "retry":{"base_seconds":0.01,"max_attempts":10},"ordering":"none","signing":"hmac","metadata":{}}
            """, put);
        Assert.Equal(made.Text("created_at"), put.Text("created_at"));
        Assert.True(JsonElement.DeepEquals(put, await customer.Admin.CallAsync(200, $"GET {path}")));
        await customer.Admin.RefusalAsync(422, $"PUT {path}", """{"name":"only"}""", "type", "events", "target");
    }

    [Fact]
    public async Task Patch_changes_what_it_names_merges_objects_and_null_takes_away()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(
            new Uri("https://example.com/"),
            """ "name":"n","headers":{"X-A":"a","X-B":"b"},"inbox":"i","retry":{"base_seconds":4,"max_attempts":5},"metadata":{"a":{"b":1,"c":2},"d":3} """);
        var path = $"/integrations/{made.Text("id")}";

        var patched = await customer.Admin.CallAsync(
            200, $"PATCH {path}",
            """{"name":null,"headers":{"X-A":null,"X-C":"c"},"retry":{"max_attempts":6},"metadata":{"a":{"b":null},"e":[4]},"events":["x","y","x"]}""");

        AssertIs(
            $$"""
            {"type":"webhook","name":null,"events":["x","y"],"target":"https://example.com/","headers":{"X-B":"{{Mask}}","X-C":"{{Mask}}"},"project":null,"inbox":"i",
             "enabled":true,"disabled_reason":null,"rate_limit_per_second":null,"max_concurrency":null,"timeout_seconds":15,
             "retry":{"base_seconds":4,"max_attempts":6},"ordering":"none","signing":"hmac","metadata":{"a":{"c":2},"d":3,"e":[4]} }
            """, patched);
        Assert.True(JsonElement.DeepEquals(patched, await customer.Admin.CallAsync(200, $"GET {path}")));
        await customer.Admin.RefusalAsync(422, $"PATCH {path}", """{"target":null}""", "target");
        await customer.Admin.CallAsync(200, $"PATCH {path}", "{}");
    }

    [Theory]
    [InlineData("""{"nmae":null}""", "nmae")]
    [InlineData("""{"retry":{"attempts":null}}""", "retry.attempts")]
    [InlineData("""{"basic_auth":{"user":null}}""", "basic_auth.user")]
    [InlineData("""{"name":"a","name":"b"}""", "name")]
    [InlineData("""{"metadata":{"a":{"b":1,"b":2}}}""", "metadata")]
    public async Task A_patch_names_what_it_does_not_know_even_to_take_it_away(string body, string member)
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(new Uri("https://example.com/"), """ "basic_auth":{"username":"u","password":"p"} """);

        await customer.Admin.RefusalAsync(422, $"PATCH /integrations/{made.Text("id")}", body, member);
    }

    [Fact]
    public async Task Concurrent_changes_are_all_made_or_refused_with_409_but_never_lost()
    {
        var customer = await api.CustomerAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(new Uri("https://example.com/"))).Text("id")}";

        var made = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            using var answer = await customer.Admin.RequestAsync($"PATCH {path}", $$$"""{"metadata":{"k{{{i}}}":1}}""");
            if (answer.IsSuccessStatusCode) return $"k{i}";
            await answer.RefusalAsync(409);
            return null;
        }));

        var metadata = (await customer.Admin.CallAsync(200, $"GET {path}")).GetProperty("metadata");
        Assert.Equal(made.OfType<string>().Order(StringComparer.Ordinal), metadata.Members().Order(StringComparer.Ordinal));
        Assert.NotEmpty(metadata.Members());
    }

    [Fact]
    public async Task A_changed_target_gets_the_next_delivery()
    {
        var customer = await api.CustomerAsync();
        await using var before = await Receiver.StartAsync();
        await using var after = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(before.Url);
        await customer.PublishAsync();
        await before.WaitForAsync(1);

        await customer.Admin.CallAsync(200, $"PATCH /integrations/{made.Text("id")}", $$"""{"target":"{{after.Url}}"}""");
        await customer.PublishAsync();

        await after.WaitForAsync(1);
        Assert.Single(before.All);
    }

    [Fact]
    public async Task Deleting_cancels_what_waits_and_frees_nothing_else()
    {
        var customer = await api.CustomerAsync();
        await using var failing = await Receiver.StartAsync(500);
        await using var other = await Receiver.StartAsync();
        var doomed = (await customer.RegisterAsync(failing.Url, """ "retry":{"base_seconds":3600} """)).Text("id");
        await customer.RegisterAsync(other.Url);
        var published = await customer.PublishAsync();
        await customer.DeliveryAsync($"integration={doomed}", "failed");

        await customer.Admin.CallAsync(204, $"DELETE /integrations/{doomed}");

        await customer.Admin.RefusalAsync(404, $"GET /integrations/{doomed}");
        await customer.Admin.RefusalAsync(404, $"DELETE /integrations/{doomed}");
        await customer.Admin.RefusalAsync(404, $"GET /integrations/{doomed}/secret");
        var cancelled = await customer.DeliveryAsync($"integration={doomed}", "cancelled");
        Assert.Equal(1, cancelled.GetProperty("attempt_count").GetInt32());
        Assert.Equal(1, (await customer.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""")).GetProperty("deliveries").GetInt32());
        var left = (await customer.Admin.CallAsync(200, $"GET /events/{published}")).GetProperty("deliveries").EnumerateArray().Select(d => d.Text("status"));
        Assert.Equal(["cancelled", "succeeded"], left.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_disabled_integration_gets_nothing_and_what_waits_goes_on_when_it_is_enabled()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        var made = await customer.RegisterAsync(receiver.Url, """ "retry":{"base_seconds":1} """);
        var path = $"/integrations/{made.Text("id")}";
        await customer.PublishAsync();
        await customer.DeliveryAsync($"integration={made.Text("id")}", "failed");

        Assert.False((await customer.Admin.CallAsync(200, $"PATCH {path}", """{"enabled":false}""")).GetProperty("enabled").GetBoolean());
        Assert.Equal(0, (await customer.Admin.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""")).GetProperty("deliveries").GetInt32());
        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 200;
            return Task.CompletedTask;
        };
        // Longer than the retry would have taken.
        var quiet = receiver.All.Count;
        await Task.Delay(TimeSpan.FromSeconds(1.8), TestContext.Current.CancellationToken);
        Assert.Equal(quiet, receiver.All.Count);

        await customer.Admin.CallAsync(200, $"PATCH {path}", """{"enabled":true}""");
        await customer.DeliveryAsync($"integration={made.Text("id")}", "succeeded");
    }

    [Fact]
    public async Task The_secret_reads_back_to_admins_and_signs()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(new Uri("https://example.com/"));

        var read = await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}/secret");

        Assert.Equal(["secret", "created_at", "expiring"], read.Members());
        Assert.Equal(made.Text("secret"), read.Text("secret"));
        Assert.Empty(read.GetProperty("expiring").EnumerateArray());
    }

    [Fact]
    public async Task Rotating_gives_a_new_secret_and_tells_how_long_the_old_one_signs_too()
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(new Uri("https://example.com/"));
        var path = $"/integrations/{made.Text("id")}/secret";
        var now = TimeProvider.System.GetUtcNow();

        // No body: the defaults.
        var rotated = await customer.Admin.CallAsync(200, $"POST {path}/rotate");

        Assert.NotEqual(made.Text("secret"), rotated.Text("secret"));
        var old = Assert.Single(rotated.GetProperty("expiring").EnumerateArray());
        Assert.Equal(made.Text("secret"), old.Text("secret"));
        Assert.InRange(old.GetProperty("expires_at").GetDateTimeOffset() - now, TimeSpan.FromSeconds(86_400 - 5), TimeSpan.FromSeconds(86_400 + 60));
        Assert.True(JsonElement.DeepEquals(rotated, await customer.Admin.CallAsync(200, $"GET {path}")));
    }

    [Fact]
    public async Task Up_to_ten_secrets_are_live_and_all_of_them_sign()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(receiver.Url);
        var path = $"/integrations/{made.Text("id")}/secret";
        var secrets = new List<string> { made.Text("secret") };
        for (var i = 0; i < 9; i++) secrets.Add((await customer.Admin.CallAsync(200, $"POST {path}/rotate", """{"grace_seconds":600}""")).Text("secret"));

        await customer.Admin.RefusalAsync(409, $"POST {path}/rotate", """{"grace_seconds":600}""");
        await customer.PublishAsync();

        var post = (await receiver.WaitForAsync(1))[0];
        Assert.Equal(10, post.Headers["webhook-signature"].Split(' ').Length);
        Assert.All(secrets, secret => new WebhookVerifier(secret).Verify(name => post.Headers.GetValueOrDefault(name), post.Body));
        Assert.Equal(secrets[^1], (await customer.Admin.CallAsync(200, $"GET {path}")).Text("secret"));
    }

    [Fact]
    public async Task A_secret_of_the_customers_own_can_be_set_and_its_grace_ends_the_old_one()
    {
        const string own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(receiver.Url);
        var path = $"/integrations/{made.Text("id")}/secret/rotate";

        Assert.Equal(own, (await customer.Admin.CallAsync(200, $"POST {path}", $$"""{"grace_seconds":1,"secret":"{{own}}"}""")).Text("secret"));
        await customer.Admin.RefusalAsync(409, $"POST {path}", $$"""{"secret":"{{own}}"}""");
        await Eventually.TrueAsync(
            async () => (await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}/secret")).GetProperty("expiring").GetArrayLength() == 0,
            "the grace has ended", TimeSpan.FromSeconds(4));
        await customer.PublishAsync();

        var post = (await receiver.WaitForAsync(1))[0];
        Assert.Single(post.Headers["webhook-signature"].Split(' '));
        new WebhookVerifier(own).Verify(name => post.Headers.GetValueOrDefault(name), post.Body);
    }

    [Theory]
    [InlineData("""{"grace_seconds":-1}""", "grace_seconds")]
    [InlineData("""{"grace_seconds":2592001}""", "grace_seconds")]
    [InlineData("""{"grace_seconds":"600"}""", "grace_seconds")]
    [InlineData("""{"secret":"hello"}""", "secret")]
    [InlineData("""{"secret":"whsec_"}""", "secret")]
    [InlineData("""{"secret":"whsec_not base64!"}""", "secret")]
    [InlineData("""{"grace":1}""", "grace")]
    public async Task A_rotation_that_cannot_be_is_refused_by_member(string body, string member)
    {
        var customer = await api.CustomerAsync();
        var made = await customer.RegisterAsync(new Uri("https://example.com/"));

        await customer.Admin.RefusalAsync(422, $"POST /integrations/{made.Text("id")}/secret/rotate", body, member);

        Assert.Equal(made.Text("secret"), (await customer.Admin.CallAsync(200, $"GET /integrations/{made.Text("id")}/secret")).Text("secret"));
    }

    [Fact]
    public async Task A_test_sends_the_types_example_to_this_integration_alone_whatever_it_subscribes_to()
    {
        var customer = await api.CustomerAsync();
        await using var tested = await Receiver.StartAsync();
        await using var other = await Receiver.StartAsync();
        var made = await customer.RegisterAsync(tested.Url, events: "\"nothing.of.this\"");
        await customer.RegisterAsync(other.Url);

        var delivery = await customer.Admin.CallAsync(202, $"POST /integrations/{made.Text("id")}/test", """{"event":"document_predict"}""");

        var post = (await tested.WaitForAsync(1))[0];
        Assert.Equal("document_predict", post.Headers["dispatcher-event"]);
        new WebhookVerifier(made.Text("secret")).Verify(name => post.Headers.GetValueOrDefault(name), post.Body);
        var example = (await customer.Admin.CallAsync(200, "GET /event-types/document_predict")).GetProperty("example");
        Http.AssertJson(example.ToString(), JsonElement.Parse(post.Body));
        Assert.Equal((made.Text("id"), post.Id, "document_predict"), (delivery.Text("integration_id"), delivery.Text("event_id"), delivery.Text("event_type")));
        Assert.Equal(delivery.Text("id"), (await customer.DeliveryAsync($"event={post.Id}", "succeeded")).Text("id"));
        Assert.Empty(other.All);
    }

    [Fact]
    public async Task A_test_sends_a_payload_of_ones_own_byte_for_byte()
    {
        const string Payload = """{ "amount": 1.50, "n": 12345678901234567890, "text": "\u00fc ü" }""";
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(receiver.Url)).Text("id")}/test";

        await customer.Admin.CallAsync(202, $"POST {path}", $$"""{"event":"document_predict","payload":{{Payload}}}""");

        Assert.Equal(Payload, (await receiver.WaitForAsync(1))[0].Text);
    }

    [Fact]
    public async Task A_tests_payload_is_an_object_no_larger_than_an_events_and_none_stands_for_the_example()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(receiver.Url)).Text("id")}/test";

        await customer.Admin.RefusalAsync(422, $"POST {path}", """{"event":"document_predict","payload":[1]}""", "payload");
        string Of(int bytes) => $$$"""{"event":"document_predict","payload":{"a":"{{{new string('x', bytes - 8)}}}"}}""";
        await customer.Admin.RefusalAsync(413, $"POST {path}", Of((256 * 1024) + 1));
        await customer.Admin.CallAsync(202, $"POST {path}", Of(256 * 1024));
        await customer.Admin.CallAsync(202, $"POST {path}", """{"event":"document_predict","payload":null}""");
    }

    [Fact]
    public async Task A_test_of_an_unknown_type_is_422_and_of_a_disabled_integration_409()
    {
        var customer = await api.CustomerAsync();
        var path = $"/integrations/{(await customer.RegisterAsync(new Uri("https://example.com/"), "\"enabled\":false")).Text("id")}/test";

        await customer.Admin.RefusalAsync(422, $"POST {path}", """{"event":"no.such.type"}""", "event");
        await customer.Admin.RefusalAsync(422, $"POST {path}", "{}", "event");
        await customer.Admin.RefusalAsync(409, $"POST {path}", """{"event":"document_predict"}""");
    }

    /// <summary>Asserts an integration's members, but for those that differ each time.</summary>
    private static void AssertIs(string expected, JsonElement integration)
    {
        var stable = integration.EnumerateObject().Where(m => m.Name is not ("id" or "created_at" or "updated_at")).ToDictionary(m => m.Name, m => m.Value);
        Http.AssertJson(expected, JsonSerializer.SerializeToElement(stable));
    }
}
