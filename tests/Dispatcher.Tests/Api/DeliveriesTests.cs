// Section 7 of the contract, as far as it has endpoints: reading, retrying and cancelling deliveries.

using System.Globalization;
using System.Text.Json;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Dispatcher.Tests.Api;

public sealed class DeliveriesTests(ApiServer api) : IClassFixture<ApiServer>
{
    /// <summary>Waits so long for a retry that it does not come within a test.</summary>
    private const string Patient = "\"retry\":{\"base_seconds\":3600}";
    private const string Once = "\"retry\":{\"max_attempts\":1}";

    [Theory]
    [InlineData("retry")]
    [InlineData("cancel")]
    public async Task An_action_takes_no_members_and_does_nothing_with_a_body_that_it_cannot_read(string action)
    {
        var customer = await api.CustomerAsync();
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), "\"retry\":{\"base_seconds\":3600}");
        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed", attempts: 1);
        var call = $"POST /deliveries/{delivery.Text("id")}/{action}";

        await customer.Admin.RefusalAsync(422, call, """{"x":1}""", "x");
        await customer.Admin.RefusalAsync(400, call, """{"x":""");

        Assert.Equal("failed", (await customer.Admin.CallAsync(200, $"GET /deliveries/{delivery.Text("id")}")).Text("status"));
        await customer.Admin.CallAsync(action == "retry" ? 202 : 200, call, "{}");
    }

    [Fact]
    public async Task A_delivery_reads_back_with_each_attempts_request_and_response()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, n, context) =>
        {
            context.Response.StatusCode = n == 1 ? 500 : 201;
            context.Response.Headers["X-Reply"] = new[] { "a", "b" };
            await context.Response.WriteAsync($"answer {n} ä");
        };
        var integration = await customer.RegisterAsync(receiver.Url, "\"headers\":{\"X-Tenant\":\"hush\"}");
        var id = await customer.PublishAsync("invoice.made", members: "\"project\":\"p\"");

        var delivery = await customer.DeliveryAsync($"event={id}", "succeeded");

        Assert.Equal(
            ["id", "event_id", "event_type", "integration_id", "project", "status", "attempt_count", "last_outcome", "last_status_code", "created_at", "next_attempt_at", "finished_at", "attempts"],
            delivery.Members());
        Assert.Equal(
            (id, "invoice.made", integration.Text("id"), "p", "succeeded"),
            (delivery.Text("event_id"), delivery.Text("event_type"), delivery.Text("integration_id"), delivery.Text("project"), delivery.Text("last_outcome")));
        Assert.Equal((2, 201), (delivery.GetProperty("attempt_count").GetInt32(), delivery.GetProperty("last_status_code").GetInt32()));
        Assert.Equal(JsonValueKind.Null, delivery.GetProperty("next_attempt_at").ValueKind);
        var attempts = delivery.GetProperty("attempts").EnumerateArray().ToList();
        var posts = receiver.All;
        for (var i = 0; i < 2; i++)
        {
            var attempt = attempts[i];
            Assert.Equal(
                ["number", "outcome", "started_at", "finished_at", "latency_ms", "address", "request_headers", "status_code", "response_headers", "response_body", "error"],
                attempt.Members());
            Assert.Equal((i + 1, i == 0 ? "server_error" : "succeeded"), (attempt.GetProperty("number").GetInt32(), attempt.Text("outcome")));
            Assert.Equal(i == 0 ? 500 : 201, attempt.GetProperty("status_code").GetInt32());
            Assert.Equal($"127.0.0.1:{receiver.Url.Port}", attempt.Text("address"));
            Assert.Equal($"answer {i + 1} ä", attempt.Text("response_body"));
            Assert.Equal("a, b", attempt.GetProperty("response_headers").Text("x-reply"));
            Assert.InRange(attempt.GetProperty("latency_ms").GetDouble(), 0.001, 20_000);
            Assert.True(attempt.GetProperty("finished_at").GetDateTimeOffset() >= attempt.GetProperty("started_at").GetDateTimeOffset());

            // Every header that was sent is in the record, and no other, but for those of the connection itself.
            var recorded = attempt.GetProperty("request_headers");
            var sent = posts[i].Headers.Where(h => h.Key.ToLowerInvariant() is not ("host" or "content-length")).ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value);
            Assert.Equal("hush", sent["x-tenant"]);
            sent["x-tenant"] = "********";
            Assert.Equal(sent.OrderBy(h => h.Key), recorded.EnumerateObject().ToDictionary(h => h.Name, h => h.Value.GetString()!).OrderBy(h => h.Key));
        }

        Assert.True(attempts[0].GetProperty("finished_at").GetDateTimeOffset() <= attempts[1].GetProperty("started_at").GetDateTimeOffset());
    }

    [Theory]
    [InlineData(16 * 1024, 16 * 1024)]
    [InlineData((16 * 1024) + 1, 16 * 1024)]
    [InlineData(300_000, 16 * 1024)]
    public async Task The_first_16_kib_of_an_answer_are_kept(int length, int kept)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) => context.Response.WriteAsync(new string('x', length));
        await customer.RegisterAsync(receiver.Url);

        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "succeeded");

        Assert.Equal(kept, delivery.GetProperty("attempts")[0].Text("response_body").Length);
    }

    [Fact]
    public async Task An_answer_that_is_no_text_is_shown_all_the_same()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (_, _, context) => context.Response.Body.WriteAsync(new byte[] { (byte)'a', 0, 0xff, 0xfe, (byte)'b' }).AsTask();
        await customer.RegisterAsync(receiver.Url);

        var delivery = await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "succeeded");

        Assert.Equal("a\0\ufffd\ufffdb", delivery.GetProperty("attempts")[0].Text("response_body"));
    }

    [Fact]
    public async Task An_attempt_without_an_answer_says_why()
    {
        var customer = await api.CustomerAsync();
        await customer.RegisterAsync(new Uri("http://127.0.0.1:9/"), Once);

        var attempt = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted")).GetProperty("attempts")[0];

        Assert.Equal("connection_refused", attempt.Text("outcome"));
        Assert.NotEmpty(attempt.Text("error"));
        foreach (var member in new[] { "status_code", "response_headers", "response_body" }) Assert.Equal(JsonValueKind.Null, attempt.GetProperty(member).ValueKind);
    }

    [Fact]
    public async Task Each_status_is_shown_and_filtered_by()
    {
        var customer = await api.CustomerAsync();
        await using var good = await Receiver.StartAsync();
        await using var bad = await Receiver.StartAsync(500);
        await using var hanging = await HangingAsync();
        var ids = new Dictionary<string, string>
        {
            ["succeeded"] = await ReachAsync(good.Url, "", "succeeded"),
            ["failed"] = await ReachAsync(bad.Url, Patient, "failed"),
            ["exhausted"] = await ReachAsync(bad.Url, Once, "exhausted"),
            ["delivering"] = await ReachAsync(hanging.Url, "", "delivering"),
            ["cancelled"] = await ReachAsync(bad.Url, Patient, "failed"),
        };
        await customer.Admin.CallAsync(200, $"POST /deliveries/{ids["cancelled"]}/cancel");
        // What waits for its first attempt: its integration was disabled before its turn came.
        var waiting = await customer.RegisterAsync(hanging.Url, "\"max_concurrency\":1,\"timeout_seconds\":1", "\"on.pending\"");
        await customer.PublishAsync("on.pending");
        var second = await customer.PublishAsync("on.pending");
        await customer.Admin.CallAsync(200, $"PATCH /integrations/{waiting.Text("id")}", """{"enabled":false}""");

        foreach (var (status, id) in ids)
        {
            var listed = (await customer.Admin.CallAsync(200, $"GET /deliveries?status={status}")).Data();
            Assert.Contains(id, listed.Select(d => d.Text("id")));
            Assert.All(listed, d => Assert.Equal(status, d.Text("status")));
            var read = await customer.Admin.CallAsync(200, $"GET /deliveries/{id}");
            var finished = status is "succeeded" or "exhausted" or "cancelled";
            Assert.Equal(finished, read.GetProperty("finished_at").ValueKind == JsonValueKind.String);
            Assert.Equal(!finished, read.GetProperty("next_attempt_at").ValueKind == JsonValueKind.String);
        }

        await customer.DeliveryAsync($"event={second}", "pending");
        Assert.Contains(second, (await customer.Admin.CallAsync(200, "GET /deliveries?status=pending")).Data().Select(d => d.Text("event_id")));

        async Task<string> ReachAsync(Uri target, string members, string status)
        {
            var type = $"on.{status}.{Guid.NewGuid():N}";
            await customer.RegisterAsync(target, members, $"\"{type}\"");
            return (await customer.DeliveryAsync($"event={await customer.PublishAsync(type)}", status)).Text("id");
        }
    }

    [Fact]
    public async Task The_list_filters_by_integration_event_type_status_and_time_alone_and_combined()
    {
        var customer = await api.CustomerAsync();
        await using var good = await Receiver.StartAsync();
        await using var bad = await Receiver.StartAsync(500);
        var one = (await customer.RegisterAsync(good.Url, "\"name\":\"good\"")).Text("id");
        var two = (await customer.RegisterAsync(bad.Url, Patient, "\"a.*\"")).Text("id");
        var first = await PublishedAsync("a.b");
        var since = await MomentAsync();
        var second = await PublishedAsync("a.c");
        var until = await MomentAsync();
        var third = await PublishedAsync("b.c");

        await AssertListAsync("", (first, one), (first, two), (second, one), (second, two), (third, one));
        await AssertListAsync($"integration={one}", (first, one), (second, one), (third, one));
        await AssertListAsync($"integration={two}", (first, two), (second, two));
        await AssertListAsync($"event={second}", (second, one), (second, two));
        await AssertListAsync("type=a.b", (first, one), (first, two));
        await AssertListAsync("type=a", []);
        await AssertListAsync("status=succeeded", (first, one), (second, one), (third, one));
        await AssertListAsync("status=failed", (first, two), (second, two));
        await AssertListAsync("status=cancelled", []);
        await AssertListAsync($"since={since}", (second, one), (second, two), (third, one));
        await AssertListAsync($"until={since}", (first, one), (first, two));
        await AssertListAsync($"since={since}&until={until}", (second, one), (second, two));
        await AssertListAsync($"since={since}&until={until}&status=failed", (second, two));
        await AssertListAsync($"integration={one}&event={third}&type=b.c&status=succeeded&since={until}", (third, one));
        await AssertListAsync($"integration={two}&event={third}", []);
        await AssertListAsync($"integration={two}&status=succeeded", []);
        await AssertListAsync($"event={first}&since={since}", []);

        // Live and finished ones are one list, page by page.
        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = await customer.Admin.CallAsync(200, $"GET /deliveries?limit=2{(cursor is null ? "" : "&cursor=" + cursor)}");
            seen.AddRange(page.Data().Select(d => d.Text("id")));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal(5, seen.Count);
        Assert.Equal(seen.OrderDescending(StringComparer.Ordinal), seen);

        async Task AssertListAsync(string filter, params (string Event, string Integration)[] expected)
        {
            var listed = (await customer.Admin.CallAsync(200, $"GET /deliveries?{filter}")).Data().Select(d => (d.Text("event_id"), d.Text("integration_id")));
            Assert.Equal(expected.Order(), listed.Order());
        }

        async Task<string> PublishedAsync(string type)
        {
            var id = await customer.PublishAsync(type);
            await Eventually.TrueAsync(async () =>
                (await customer.Admin.CallAsync(200, $"GET /deliveries?event={id}")).Data().All(d => d.Text("status") is "succeeded" or "failed"), $"{type} is delivered");
            return id;
        }
    }

    [Theory]
    [InlineData("status=lost", "status")]
    [InlineData("status=Failed", "status")]
    [InlineData("integration=evt_00000000000070008000000000000000", "integration")]
    [InlineData("integration=1", "integration")]
    [InlineData("event=order-7", "event")]
    [InlineData("type=a.*", "type")]
    [InlineData("since=now", "since")]
    [InlineData("until=2023-10-01", "until")]
    public Task A_wrong_filter_is_refused_by_name(string query, string member) => api.Operator.RefusalAsync(422, $"GET /deliveries?{query}", null, member);

    [Fact]
    public async Task A_failed_delivery_is_retried_now_and_keeps_its_place_in_the_schedule()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        await customer.RegisterAsync(receiver.Url, Patient);
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed")).Text("id");

        var retried = await customer.Admin.CallAsync(202, $"POST /deliveries/{id}/retry");

        Assert.Equal(id, retried.Text("id"));
        await receiver.WaitForAsync(2);
        await AttemptsAsync(customer, id, "failed", 2);
        receiver.Answer = Answers(200);
        await customer.Admin.CallAsync(202, $"POST /deliveries/{id}/retry");
        await AttemptsAsync(customer, id, "succeeded", 3);
        Assert.Equal([1, 2, 3], receiver.All.Select(p => p.Attempt));
    }

    [Theory]
    [InlineData("exhausted")]
    [InlineData("succeeded")]
    [InlineData("cancelled")]
    public async Task A_finished_delivery_is_sent_again_with_the_same_event_id_and_further_attempt_numbers(string status)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(status == "succeeded" ? 200 : 500);
        await customer.RegisterAsync(receiver.Url, status == "cancelled" ? Patient : "\"retry\":{\"max_attempts\":2}", "\"a.b\"");
        var eventId = await customer.PublishAsync();
        var id = (await customer.DeliveryAsync($"event={eventId}", status == "cancelled" ? "failed" : status)).Text("id");
        if (status == "cancelled") await customer.Admin.CallAsync(200, $"POST /deliveries/{id}/cancel");
        var made = receiver.All.Count;
        receiver.Answer = Answers(201);

        await customer.Admin.CallAsync(202, $"POST /deliveries/{id}/retry");

        var last = (await receiver.WaitForAsync(made + 1))[^1];
        Assert.Equal((eventId, made + 1), (last.Id, last.Attempt));
        var attempts = await AttemptsAsync(customer, id, "succeeded", made + 1);
        Assert.Equal(Enumerable.Range(1, made + 1), attempts.Select(a => a.GetProperty("number").GetInt32()));
        Assert.Equal(201, attempts[^1].GetProperty("status_code").GetInt32());
        Assert.Single((await customer.Admin.CallAsync(200, $"GET /deliveries?event={eventId}")).Data());
    }

    [Fact]
    public async Task A_retried_delivery_has_a_whole_schedule_again()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        await customer.RegisterAsync(receiver.Url, "\"retry\":{\"max_attempts\":2}", "\"a.b\"");
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "exhausted")).Text("id");

        await customer.Admin.CallAsync(202, $"POST /deliveries/{id}/retry");

        await receiver.WaitForAsync(4);
        await AttemptsAsync(customer, id, "exhausted", 4);
        Assert.Equal([1, 2, 3, 4], receiver.All.Select(p => p.Attempt));
    }

    [Fact]
    public async Task What_is_being_sent_cannot_be_retried()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await HangingAsync();
        await customer.RegisterAsync(receiver.Url);
        var eventId = await customer.PublishAsync();
        await receiver.WaitForAsync(1);
        var id = (await customer.DeliveryAsync($"event={eventId}", "delivering")).Text("id");

        await customer.Admin.RefusalAsync(409, $"POST /deliveries/{id}/retry");

        Assert.Single(receiver.All);
    }

    [Theory]
    [InlineData("failed")]
    [InlineData("exhausted")]
    public async Task What_goes_to_a_disabled_or_deleted_integration_cannot_be_retried(string status)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(500);
        var integration = (await customer.RegisterAsync(receiver.Url, status == "failed" ? Patient : Once, "\"a.b\"")).Text("id");
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", status)).Text("id");

        await customer.Admin.CallAsync(200, $"PATCH /integrations/{integration}", """{"enabled":false}""");
        await customer.Admin.RefusalAsync(409, $"POST /deliveries/{id}/retry");
        await customer.Admin.CallAsync(204, $"DELETE /integrations/{integration}");
        await customer.Admin.RefusalAsync(409, $"POST /deliveries/{id}/retry");

        Assert.Single(receiver.All);
    }

    [Fact]
    public async Task A_cancelled_delivery_is_not_sent_again_and_still_says_how_its_attempts_went()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(503);
        await customer.RegisterAsync(receiver.Url, "\"retry\":{\"base_seconds\":0.8}");
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", "failed")).Text("id");

        var cancelled = await customer.Admin.CallAsync(200, $"POST /deliveries/{id}/cancel");

        Assert.Equal("cancelled", cancelled.Text("status"));
        Assert.Equal(JsonValueKind.Null, cancelled.GetProperty("next_attempt_at").ValueKind);
        Assert.Equal((1, "server_error", 503), (
            cancelled.GetProperty("attempt_count").GetInt32(), cancelled.GetProperty("last_outcome").GetString(), cancelled.GetProperty("last_status_code").GetInt32()));
        Assert.Equal(cancelled.ToString(), (await customer.Admin.CallAsync(200, "GET /deliveries")).Data()[0].ToString());
        await customer.Admin.RefusalAsync(409, $"POST /deliveries/{id}/cancel");
        // Longer than the retry would have taken.
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        Assert.Single(receiver.All);
        await AttemptsAsync(customer, id, "cancelled", 1);
    }

    [Fact]
    public async Task Cancelling_what_is_being_sent_ends_it_and_records_the_attempt_that_was_under_way()
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync();
        var release = new TaskCompletionSource();
        receiver.Answer = async (_, _, context) =>
        {
            await release.Task;
            context.Response.StatusCode = 500;
        };
        await customer.RegisterAsync(receiver.Url);
        var eventId = await customer.PublishAsync();
        await receiver.WaitForAsync(1);
        var id = (await customer.DeliveryAsync($"event={eventId}", "delivering")).Text("id");

        Assert.Equal("cancelled", (await customer.Admin.CallAsync(200, $"POST /deliveries/{id}/cancel")).Text("status"));
        release.SetResult();

        var attempts = await AttemptsAsync(customer, id, "cancelled", 1);
        Assert.Equal("server_error", attempts[0].Text("outcome"));
        var listed = (await customer.Admin.CallAsync(200, "GET /deliveries")).Data()[0];
        Assert.Equal((1, "server_error"), (listed.GetProperty("attempt_count").GetInt32(), listed.Text("last_outcome")));
        Assert.Single(receiver.All);
    }

    [Theory]
    [InlineData("succeeded")]
    [InlineData("exhausted")]
    public async Task What_has_ended_cannot_be_cancelled(string status)
    {
        var customer = await api.CustomerAsync();
        await using var receiver = await Receiver.StartAsync(status == "succeeded" ? 200 : 500);
        await customer.RegisterAsync(receiver.Url, Once, "\"a.b\"");
        var id = (await customer.DeliveryAsync($"event={await customer.PublishAsync()}", status)).Text("id");

        await customer.Admin.RefusalAsync(409, $"POST /deliveries/{id}/cancel");

        await AttemptsAsync(customer, id, status, 1);
    }

    [Theory]
    [InlineData("GET /deliveries/{0}")]
    [InlineData("POST /deliveries/{0}/retry")]
    [InlineData("POST /deliveries/{0}/cancel")]
    public async Task An_unknown_delivery_is_404(string call)
    {
        foreach (var id in new[] { "dlv_00000000000070008000000000000000", "evt_00000000000070008000000000000000", "1", "dlv_" })
            await api.Operator.RefusalAsync(404, call.Replace("{0}", id, StringComparison.Ordinal));
    }

    private static Func<Received, int, HttpContext, Task> Answers(int status) => (_, _, context) =>
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    /// <summary>A receiver that takes POSTs and does not answer.</summary>
    private static async Task<Receiver> HangingAsync()
    {
        var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, _, context) => await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return receiver;
    }

    /// <summary>Waits until a delivery has a status and so many attempts; gives these.</summary>
    private static async Task<List<JsonElement>> AttemptsAsync(Customer customer, string id, string status, int count)
    {
        JsonElement delivery = default;
        await Eventually.TrueAsync(async () =>
        {
            delivery = await customer.Admin.CallAsync(200, $"GET /deliveries/{id}");
            return delivery.Text("status") == status && delivery.GetProperty("attempts").GetArrayLength() == count;
        }, $"{id} is {status} after {count} attempts");
        Assert.Equal(count, delivery.GetProperty("attempt_count").GetInt32());
        return [.. delivery.GetProperty("attempts").EnumerateArray()];
    }

    /// <summary>A moment after which nothing has the time of what came before: ids hold it to the millisecond.</summary>
    private static async Task<string> MomentAsync()
    {
        static string Now() => TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var before = Now();
        await Eventually.TrueAsync(() => Now() != before, "the clock goes on");
        return Now();
    }
}
