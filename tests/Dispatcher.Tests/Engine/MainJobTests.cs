// The main job, end to end: register an integration, move a job, receive a signed POST, see its attempts.

using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Dispatcher.Client;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Tests.Engine;

/// <summary>In process; <see cref="HangfireMainJobTests"/> has the same done by the other host.</summary>
public class MainJobTests(PostgresFixture postgres)
{
    protected virtual string Host => Hosts.InProcess;

    [Fact]
    public async Task A_job_that_succeeds_reaches_the_receiver_signed_and_its_attempt_can_be_read_back()
    {
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await server.RegisterAsync(receiver.Url, new { headers = new { Authorization = "Bearer abcdefg" } }, "document_predict");

        await server.Client.PostAsJsonAsync("/jobs", new { kind = "document_predict", id = "parse_1" });
        await server.Client.PatchAsJsonAsync("/jobs/parse_1", new { status = "processing" });
        await server.Client.PatchAsJsonAsync("/jobs/parse_1", new { status = "successful", usage = new { pages_parsed = 10 } });

        var post = (await receiver.WaitForAsync(1))[0];
        new WebhookVerifier(integration.GetProperty("secret").GetString()!).Verify(name => post.Headers.GetValueOrDefault(name), post.Body);
        Assert.Equal("document_predict", post.Headers["dispatcher-event"]);
        Assert.Equal("1", post.Headers["dispatcher-attempt"]);
        Assert.Equal("application/json", post.Headers["content-type"]);
        Assert.Equal("Bearer abcdefg", post.Headers["authorization"]);
        Assert.Equal(post.Headers["webhook-id"], post.Headers["svix-id"]);
        Assert.Equal("parse_1", JsonElement.Parse(post.Body).GetProperty("job_id").GetString());

        JsonElement delivery = default;
        await Eventually.TrueAsync(async () =>
        {
            var list = (await server.GetAsync("/deliveries?status=succeeded")).GetProperty("data");
            if (list.GetArrayLength() == 0) return false;
            delivery = await server.GetAsync($"/deliveries/{list[0].GetProperty("id").GetString()}");
            return true;
        }, "the delivery is recorded as succeeded");
        var attempt = Assert.Single(delivery.GetProperty("attempts").EnumerateArray());
        Assert.Equal("succeeded", attempt.GetProperty("outcome").GetString());
        Assert.Equal(204, attempt.GetProperty("status_code").GetInt32());
        Assert.Equal($"127.0.0.1:{receiver.Url.Port}", attempt.GetProperty("address").GetString());
        Assert.Equal(post.Headers["webhook-signature"], attempt.GetProperty("request_headers").GetProperty("webhook-signature").GetString());
        Assert.Equal(post.Headers["webhook-timestamp"], attempt.GetProperty("request_headers").GetProperty("webhook-timestamp").GetString());
        Assert.DoesNotContain("abcdefg", delivery.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_payload_arrives_byte_for_byte_as_it_was_published()
    {
        const string payload = """{ "ä" : "\u00e4\n", "n": 1.0e2 ,"a":[ ] }""";
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(receiver.Url);

        await server.PublishAsync("invoice.made", payload);

        Assert.Equal(payload, (await receiver.WaitForAsync(1))[0].Text);
    }

    [Fact]
    public async Task A_failing_receiver_is_tried_again_after_two_four_and_eight_seconds()
    {
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, n, context) =>
        {
            context.Response.StatusCode = n <= 3 ? 500 : 204;
            return Task.CompletedTask;
        };
        await server.RegisterAsync(receiver.Url);

        var published = await server.PublishAsync("a.b");

        var posts = await receiver.WaitForAsync(4, TimeSpan.FromSeconds(30));
        var waits = posts.Zip(posts.Skip(1), (a, b) => (b.At - a.At).TotalSeconds).ToArray();
        // Jitter only adds, up to a tenth. A due attempt is at most a second late on a machine that has nothing else to do; this one may.
        const double late = 3;
        Assert.InRange(waits[0], 2, 2.2 + late);
        Assert.InRange(waits[1], 4, 4.4 + late);
        Assert.InRange(waits[2], 8, 8.8 + late);
        Assert.Equal([1, 2, 3, 4], posts.Select(p => p.Attempt));
        Assert.Single(posts.Select(p => p.Id).Distinct());
        Assert.Equal(published.GetProperty("id").GetString(), posts[0].Id);

        await Eventually.TrueAsync(async () =>
        {
            var list = (await server.GetAsync($"/deliveries?event={posts[0].Id}")).GetProperty("data");
            return list[0].GetProperty("status").GetString() == "succeeded";
        }, "the delivery succeeded");
        var id = (await server.GetAsync($"/deliveries?event={posts[0].Id}")).GetProperty("data")[0].GetProperty("id").GetString();
        var attempts = (await server.GetAsync($"/deliveries/{id}")).GetProperty("attempts").EnumerateArray().ToList();
        Assert.Equal(["server_error", "server_error", "server_error", "succeeded"], attempts.Select(a => a.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task A_target_that_is_an_IPv4_address_in_IPv6_form_is_reached()
    {
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        await server.RegisterAsync(new Uri($"http://[::ffff:127.0.0.1]:{receiver.Url.Port}/"));

        await server.PublishAsync("a.b");

        await receiver.WaitForAsync(1);
    }

    [Fact]
    public async Task After_the_last_attempt_the_delivery_is_exhausted_and_an_event_says_so()
    {
        await using var server = await StartAsync(new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        await using var failing = await Receiver.StartAsync(500);
        await using var watching = await Receiver.StartAsync();
        await server.RegisterAsync(failing.Url, new { retry = new { max_attempts = 4 } }, "a.b");
        await server.RegisterAsync(watching.Url, null, "delivery.exhausted");

        var published = await server.PublishAsync("a.b");

        var told = JsonElement.Parse((await watching.WaitForAsync(1))[0].Body);
        Assert.Equal(published.GetProperty("id").GetString(), told.GetProperty("event_id").GetString());
        Assert.Equal(4, told.GetProperty("attempts").GetInt32());
        Assert.Equal("server_error", told.GetProperty("last_outcome").GetString());
        Assert.Equal(4, failing.All.Count);
        var delivery = await server.GetAsync($"/deliveries/{told.GetProperty("delivery_id").GetString()}");
        Assert.Equal("exhausted", delivery.GetProperty("status").GetString());
        Assert.Equal(4, delivery.GetProperty("attempts").GetArrayLength());
    }

    [Fact]
    public async Task A_410_disables_the_integration_and_what_waits_for_it_is_sent_when_it_is_enabled_again()
    {
        await using var server = await StartAsync(new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        await using var receiver = await Receiver.StartAsync(410);
        await using var watching = await Receiver.StartAsync();
        var integration = await server.RegisterAsync(receiver.Url, null, "a.b");
        await server.RegisterAsync(watching.Url, null, "integration.disabled");
        var path = $"/integrations/{integration.GetProperty("id").GetString()}";

        await server.PublishAsync("a.b");

        var told = JsonElement.Parse((await watching.WaitForAsync(1))[0].Body);
        Assert.Equal(integration.GetProperty("id").GetString(), told.GetProperty("integration_id").GetString());
        var read = await server.GetAsync(path);
        Assert.False(read.GetProperty("enabled").GetBoolean());
        Assert.Equal("gone", read.GetProperty("disabled_reason").GetString());
        Assert.Equal(0, (await server.PublishAsync("a.b")).GetProperty("deliveries").GetInt32());

        receiver.Answer = (_, _, context) =>
        {
            context.Response.StatusCode = 200;
            return Task.CompletedTask;
        };
        var before = receiver.All.Count;
        await server.Client.PatchAsJsonAsync(path, new { enabled = true });
        await receiver.WaitForAsync(before + 1);
    }

    [Fact]
    public async Task Retry_after_is_honoured_when_it_is_later_than_the_schedule()
    {
        await using var server = await StartAsync(new() { ["Dispatcher:Retry:BaseSeconds"] = "0.01" });
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, n, context) =>
        {
            context.Response.StatusCode = n == 1 ? 503 : 204;
            if (n == 1) context.Response.Headers.RetryAfter = "3";
            return Task.CompletedTask;
        };
        await server.RegisterAsync(receiver.Url);

        await server.PublishAsync("a.b");

        var posts = await receiver.WaitForAsync(2);
        Assert.InRange((posts[1].At - posts[0].At).TotalSeconds, 3, 4.5);
    }

    [Fact]
    public async Task A_rotated_secret_and_the_one_before_it_both_sign_until_the_grace_ends()
    {
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await server.RegisterAsync(receiver.Url);
        using var rotated = await server.Client.PostAsJsonAsync($"/integrations/{integration.GetProperty("id").GetString()}/secret/rotate", new { grace_seconds = 600 });
        var secrets = await TestServer.ReadAsync(rotated, HttpStatusCode.OK);

        await server.PublishAsync("a.b");

        var post = (await receiver.WaitForAsync(1))[0];
        Assert.Equal(2, post.Headers["webhook-signature"].Split(' ').Length);
        foreach (var secret in new[] { integration.GetProperty("secret").GetString()!, secrets.GetProperty("secret").GetString()! })
            new WebhookVerifier(secret).Verify(name => post.Headers.GetValueOrDefault(name), post.Body);
    }

    [Fact]
    public async Task Rotating_without_grace_ends_the_old_secret_at_once()
    {
        await using var server = await StartAsync();
        await using var receiver = await Receiver.StartAsync();
        var integration = await server.RegisterAsync(receiver.Url);
        using var rotated = await server.Client.PostAsJsonAsync($"/integrations/{integration.GetProperty("id").GetString()}/secret/rotate", new { grace_seconds = 0 });
        await TestServer.ReadAsync(rotated, HttpStatusCode.OK);

        await server.PublishAsync("a.b");

        var post = (await receiver.WaitForAsync(1))[0];
        Assert.Single(post.Headers["webhook-signature"].Split(' '));
        Assert.Throws<WebhookVerificationException>(() =>
            new WebhookVerifier(integration.GetProperty("secret").GetString()!).Verify(name => post.Headers.GetValueOrDefault(name), post.Body));
    }

    [Fact]
    public async Task One_integration_that_hangs_does_not_delay_another()
    {
        await using var server = await StartAsync();
        await using var hanging = await Receiver.StartAsync();
        await using var healthy = await Receiver.StartAsync();
        hanging.Answer = (_, _, context) => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        await server.RegisterAsync(hanging.Url, new { timeout_seconds = 5 });
        await server.RegisterAsync(healthy.Url);

        var batch = "[" + string.Join(",", Enumerable.Range(0, 500).Select(i => $$$"""{"type":"a.b","payload":{"n":{{{i}}}}}""")) + "]";
        var began = TimeProvider.System.GetTimestamp();
        using var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(batch));
        await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
        await healthy.WaitForAsync(500, TimeSpan.FromSeconds(4));

        Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(4));
    }

    private Task<TestServer> StartAsync(Dictionary<string, string?>? settings = null) =>
        TestServer.StartAsync(postgres, new(settings ?? []) { ["Dispatcher:Host"] = Host });
}

public sealed class HangfireMainJobTests : MainJobTests
{
    public HangfireMainJobTests(PostgresFixture postgres) : base(postgres) => Hosts.RequireHangfire();

    protected override string Host => Hosts.Hangfire;
}
