// How many requests a key may make, and how many wrong keys an address may try.

using System.Net;
using Dispatcher.Access;
using Dispatcher.Platform;
using Dispatcher.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Dispatcher.Tests.Api;

public sealed class KeyLimitsTests(PostgresFixture postgres)
{
    private const int Enough = 200;

    [Fact]
    public async Task Keys_that_customers_hold_are_429_beyond_the_configured_rate_and_others_are_not()
    {
        await using var server = await TestServer.StartAsync(
            postgres, new() { ["Dispatcher:Api:RequestsPerSecond"] = "1", ["Dispatcher:Api:Burst"] = "3" });
        using var admin = await server.ClientOfAsync("admin");
        using var member = await server.ClientOfAsync("member");
        using var emitter = await server.ClientOfAsync("emitter");

        foreach (var limited in new[] { admin, member })
        {
            for (var i = 0; i < 3; i++) await limited.CallAsync(200, "GET /projects");
            using var refused = await RefusedAsync(limited, "GET /projects");
            await refused.RefusalAsync(429);
            Assert.True(refused.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1), $"{refused.Headers.RetryAfter}");
        }

        for (var i = 0; i < 20; i++)
        {
            await server.Client.CallAsync(200, "GET /projects");
            await emitter.CallAsync(202, "POST /events", """{"type":"a.b","payload":{}}""");
        }

        await Eventually.TrueAsync(async () =>
        {
            using var answer = await admin.RequestAsync("GET /projects");
            return answer.IsSuccessStatusCode;
        }, "the key may make requests again");
    }

    [Theory]
    [InlineData("""{"role":"emitter"}""", 2)]
    [InlineData("""{"role":"member","rate_limit_per_second":1000}""", 2)]
    [InlineData("""{"role":"admin","rate_limit_per_second":1}""", 1)]
    public async Task What_an_admin_makes_has_at_most_its_own_limit(string asked, int limit)
    {
        await using var server = await TestServer.StartAsync(postgres);
        var made = await server.Client.CallAsync(201, "POST /api-keys", """{"role":"admin","organization":"default","rate_limit_per_second":2}""");
        using var admin = server.ClientWith(made.Text("key"));

        var key = await admin.CallAsync(201, "POST /api-keys", asked);

        Assert.Equal(limit, key.GetProperty("rate_limit_per_second").GetInt32());
    }

    [Fact]
    public async Task Portal_sessions_count_with_the_key_that_made_them()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:RequestsPerSecond"] = "1", ["Dispatcher:Api:Burst"] = "3" });
        using var admin = await server.ClientOfAsync("admin");
        var link = (await admin.CallAsync(200, "POST /webhook")).Text("link");
        using var session = server.ClientWith(link[(link.LastIndexOf('/') + 1)..]);

        using var refused = await RefusedAsync(session, "GET /projects");

        await refused.RefusalAsync(429);
        (await RefusedAsync(admin, "GET /projects")).Dispose();
    }

    [Fact]
    public async Task The_portals_pages_have_the_limits_of_the_api_for_guesses_and_for_sessions()
    {
        await using var server = await TestServer.StartAsync(postgres, new()
        {
            ["Dispatcher:Api:FailedKeysPerMinute"] = "2",
            ["Dispatcher:Api:RequestsPerSecond"] = "1",
            ["Dispatcher:Api:Burst"] = "3",
        });
        using var admin = await server.ClientOfAsync("admin");
        var link = new Uri((await admin.CallAsync(200, "POST /webhook")).Text("link"));
        using var visitor = server.ClientWith(null);

        using var tooMany = await RefusedAsync(visitor, $"GET {link.AbsolutePath}");
        Assert.True(tooMany.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1));
        Assert.Equal("text/html", tooMany.Content.Headers.ContentType?.MediaType);

        for (var i = 0; i < 2; i++) Assert.Equal(404, (int)(await visitor.GetAsync($"/portal/dps_{new string('0', 64)}")).StatusCode);
        Assert.Equal(429, (int)(await visitor.GetAsync($"/portal/dps_{new string('1', 64)}")).StatusCode);
    }

    [Fact]
    public async Task A_request_beyond_the_rate_does_nothing_and_is_answered_before_its_body_has_come()
    {
        await using var server = await TestServer.StartAsync(
            postgres, new() { ["Dispatcher:Api:RequestsPerSecond"] = "1", ["Dispatcher:Api:Burst"] = "1" });
        using var answer = await server.Client.RequestAsync("POST /api-keys", """{"role":"admin"}""");
        var key = (await TestServer.ReadAsync(answer, HttpStatusCode.Created)).Text("key");
        using var admin = server.ClientWith(key);

        // A token may have come in between: that one waits for its body, and another is sent.
        RawAnswer? refused = null;
        while (refused is null)
        {
            (await RefusedAsync(admin, "GET /projects")).Dispose();
            using var raw = await RawClient.ConnectAsync(server.Client.BaseAddress!);
            await raw.RequestAsync("POST /projects", "Content-Length: 2", key: key);
            refused = await raw.AnswerWithinAsync(TimeSpan.FromSeconds(2));
        }

        Assert.Equal(429, refused.Status);
        Assert.Contains("application/problem+json", refused.Head, StringComparison.Ordinal);
        Assert.Equal(["default"], (await server.GetAsync("/projects")).Data().Select(p => p.Text("id")));
    }

    [Theory]
    [InlineData("operator")]
    [InlineData("emitter")]
    [InlineData("admin")]
    public async Task A_keys_own_limit_holds_for_any_role_and_for_that_key_alone(string role)
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:RequestsPerSecond"] = "0" });
        var made = await server.Client.CallAsync(201, "POST /api-keys", $$"""{"role":"{{role}}","rate_limit_per_second":1}""");
        using var limited = server.ClientWith(made.Text("key"));
        using var other = await server.ClientOfAsync(role);
        var call = role == "emitter" ? "PATCH /jobs/none" : "GET /projects";

        using var refused = await RefusedAsync(limited, call);
        await refused.RefusalAsync(429);

        for (var i = 0; i < 20; i++)
        {
            using var answer = await other.RequestAsync(call);
            Assert.NotEqual(429, (int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task A_keys_limit_is_shown_and_checked()
    {
        await using var server = await TestServer.StartAsync(postgres);

        var made = await server.Client.CallAsync(201, "POST /api-keys", """{"role":"member","rate_limit_per_second":1000000}""");
        var unlimited = await server.Client.CallAsync(201, "POST /api-keys", """{"role":"member","rate_limit_per_second":null}""");

        Assert.Equal(1_000_000, made.GetProperty("rate_limit_per_second").GetInt32());
        var listed = (await server.GetAsync("/api-keys")).Data().ToDictionary(k => k.Text("id"), k => k.GetProperty("rate_limit_per_second").ToString());
        Assert.Equal(("1000000", ""), (listed[made.Text("id")], listed[unlimited.Text("id")]));
        foreach (var wrong in new[] { "0", "-1", "1000001", "1.5", "\"fast\"" })
            await server.Client.RefusalAsync(422, "POST /api-keys", $$"""{"role":"member","rate_limit_per_second":{{wrong}}}""", "rate_limit_per_second");
    }

    [Fact]
    public async Task An_address_that_tries_wrong_keys_is_429_while_keys_that_have_worked_go_on_working()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Api:FailedKeysPerMinute"] = "1" });
        using var member = await server.ClientOfAsync("member");
        await member.CallAsync(200, "GET /projects");
        using var unseen = await server.ClientOfAsync("member");

        // Without a key nothing is tried.
        using var nobody = server.ClientWith(null);
        for (var i = 0; i < 5; i++) await nobody.RefusalAsync(401, "GET /projects");
        using (var first = server.ClientWith($"dsk_{new string('0', 64)}")) await first.RefusalAsync(401, "GET /projects");

        foreach (var wrong in new[] { $"dsk_{new string('1', 64)}", "dsk_unknown", "password" })
        {
            using var guess = server.ClientWith(wrong);
            using var answer = await guess.RequestAsync("GET /projects");
            await answer.RefusalAsync(429);
            Assert.True(answer.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1), $"{answer.Headers.RetryAfter}");
        }

        await unseen.RefusalAsync(429, "GET /projects");
        await member.CallAsync(200, "GET /projects");
        // A change of some key has every key looked up anew: those that were known still are.
        await server.Client.CallAsync(201, "POST /api-keys", """{"role":"member"}""");
        server.Services.GetRequiredService<KeyRing>().Forget();
        await member.CallAsync(200, "GET /projects");
        await server.Client.CallAsync(200, "GET /projects");
    }

    [Theory]
    [InlineData("192.0.2.1", "::ffff:192.0.2.1", true)]
    [InlineData("2001:db8::1", "2001:db8::ffff:0:0:2", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    public void An_ipv6_network_is_one_client_and_an_ipv4_address_is_one_however_it_is_written(string one, string other, bool same) =>
        Assert.Equal(same, FailedKeys.ClientOf(IPAddress.Parse(one)) == FailedKeys.ClientOf(IPAddress.Parse(other)));

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(250)]
    public async Task A_rate_is_kept_over_time(int perSecond)
    {
        using var limits = new KeyLimits(new DispatcherOptions());
        var caller = new Caller(Guid.NewGuid(), Role.Emitter, "default", null, RateLimitPerSecond: perSecond);
        var began = TimeProvider.System.GetTimestamp();
        var admitted = 0;
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(2))
        {
            try
            {
                limits.Admit(caller);
                admitted++;
            }
            catch (ProblemException e)
            {
                Assert.Equal(429, e.Problem.Status);
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        // A bucket full at once, and what came in since, in steps of a tenth of a second.
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        Assert.InRange(admitted, perSecond, (perSecond * (seconds + 1)) + 1);
    }

    [Theory]
    [InlineData("RequestsPerSecond", -1)]
    [InlineData("RequestsPerSecond", 1_000_001)]
    [InlineData("Burst", 0)]
    [InlineData("FailedKeysPerMinute", -1)]
    [InlineData("BodyTimeoutSeconds", 0)]
    [InlineData("BodyTimeoutSeconds", 3601)]
    [InlineData("MaxBodyMegabytes", 0)]
    public void A_setting_out_of_range_is_named(string setting, int value)
    {
        var options = new ApiOptions();
        var property = typeof(ApiOptions).GetProperty(setting)!;
        property.SetValue(options, Convert.ChangeType(value, property.PropertyType, System.Globalization.CultureInfo.InvariantCulture));

        Assert.StartsWith($"Dispatcher:Api:{setting} must", Assert.Single(options.Faults()), StringComparison.Ordinal);
    }

    /// <summary>Calls until the server refuses for the rate: a slow machine may have a token come in between.</summary>
    private static async Task<HttpResponseMessage> RefusedAsync(HttpClient client, string call)
    {
        for (var i = 0; i < Enough; i++)
        {
            var answer = await client.RequestAsync(call);
            if ((int)answer.StatusCode == 429) return answer;
            answer.Dispose();
        }

        Assert.Fail($"{Enough} times {call} and no 429");
        throw new InvalidOperationException();
    }
}
