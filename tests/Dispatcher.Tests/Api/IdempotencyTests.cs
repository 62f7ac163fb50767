// Idempotency-Key on every POST: a second request with the key gets the first one's answer and has no effect.

using System.Net;
using Dispatcher.Access;
using Dispatcher.Pages;
using Dispatcher.Tests.Faults;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Dispatcher.Tests.Api;

public sealed class IdempotencyTests(ApiServer api) : IClassFixture<ApiServer>
{
    private const string Event = """{"type":"a.b","payload":{}}""";

    private Records Records => new(api.Server.ConnectionString);

    private Dictionary<string, Func<Customer, Task<OncePost>>> Posts => new OncePosts(api).ByPath;

    public static TheoryData<string> Paths => [.. new OncePosts(null!).ByPath.Keys];

    /// <summary>One that fails here needs a case in <see cref="OncePosts"/>.</summary>
    [Fact]
    public void Every_POST_endpoint_is_looked_at()
    {
        var endpoints = api.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<Admits>() is not null && e.Metadata.GetMetadata<OfFace>() is null && e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Contains("POST"))
            .Select(e => "/" + e.RoutePattern.RawText!.Trim('/'));

        Assert.Equal(endpoints.Order(StringComparer.Ordinal), Posts.Keys.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task The_same_request_again_has_the_first_answer_and_no_effect_and_another_one_is_409(string path)
    {
        var post = await Posts[path](await api.CustomerAsync());
        var before = await post.Effects();

        var key = $"again {path}";
        using var first = await post.SendAsync(key);
        using var again = await post.SendAsync(key);
        using var underV1 = await post.Client.RequestAsync($"POST /v1{post.Path}", post.Body, idempotencyKey: key);
        using var otherBody = await post.Client.RequestAsync($"POST {post.Path}", post.Body + " ", idempotencyKey: key);
        using var otherQuery = await post.Client.RequestAsync($"POST {post.Path}?a=b", post.Body, idempotencyKey: key);
        using var otherPath = await post.Client.RequestAsync(path == "/jobs" ? "POST /events" : "POST /jobs", post.Body, idempotencyKey: key);

        var text = await TextAsync(first, post.Status);
        Assert.Equal(text, await TextAsync(again, post.Status));
        Assert.Equal(first.Content.Headers.ContentType, again.Content.Headers.ContentType);
        Assert.Equal(first.Headers.Location, again.Headers.Location);
        Assert.Equal(text, await TextAsync(underV1, post.Status));
        await otherBody.RefusalAsync(409);
        await otherQuery.RefusalAsync(409);
        await otherPath.RefusalAsync(409);
        Assert.Equal(before + 1, await post.Effects());
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Eight_at_once_have_one_effect_and_the_same_answer(string path)
    {
        var post = await Posts[path](await api.CustomerAsync());
        var before = await post.Effects();

        var texts = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            using var answer = await post.SendAsync($"at once {path}");
            return await TextAsync(answer, post.Status);
        }));

        Assert.Single(texts.Distinct());
        Assert.Equal(before + 1, await post.Effects());
    }

    [Fact]
    public async Task A_batch_of_lines_is_stored_once()
    {
        var customer = await api.CustomerAsync();
        var texts = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var answer = await customer.Admin.RequestAsync("POST /events/batch", $"{Event}\r\n\r\n{Event}\n", "application/x-ndjson", "k");
            texts.Add(await TextAsync(answer, 202));
        }

        Assert.Equal(texts[0], texts[1]);
        Assert.Equal(2, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task A_caller_that_lost_its_connection_gets_the_answer_of_what_it_began()
    {
        var customer = await api.CustomerAsync();
        using var impatient = new CancellationTokenSource();
        Task<HttpResponseMessage> asked;
        await using (var hold = await HoldAsync("event"))
        {
            var lost = SendAsync(impatient.Token);
            await hold.WaitUntilWaitedForAsync();
            await impatient.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lost);
            // The key is not free again: the request that it stands for is still under way.
            asked = SendAsync(TestContext.Current.CancellationToken);
            await Task.WhenAny(asked, Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken));
            Assert.False(asked.IsCompleted);
            Assert.Equal(1, await Records.ScalarAsync<long>("SELECT count(*) FROM dispatcher.idempotency WHERE status IS NULL"));
        }

        using var first = await asked;
        using var again = await SendAsync(TestContext.Current.CancellationToken);
        Assert.Equal(await TextAsync(first, 202), await TextAsync(again, 202));
        Assert.True(first.Headers.Contains("Idempotent-Replayed"));
        Assert.Single((await customer.Admin.CallAsync(200, "GET /events")).Data());

        async Task<HttpResponseMessage> SendAsync(CancellationToken ct)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = TestServer.Json(Event) };
            request.Headers.Add("Idempotency-Key", "lost");
            return await customer.Admin.SendAsync(request, ct);
        }
    }

    [Fact]
    public async Task A_request_that_was_taken_over_keeps_no_answer_in_place_of_the_one_that_took_over()
    {
        var customer = await api.CustomerAsync();
        Task<HttpResponseMessage> slow;
        await using (var hold = await HoldAsync("event"))
        {
            slow = customer.Admin.RequestAsync("POST /events", Event, idempotencyKey: "slow");
            await hold.WaitUntilWaitedForAsync();
            // As if a duplicate had begun when this one had been under way for a minute.
            Assert.Equal(1, await Records.ExecuteAsync("UPDATE dispatcher.idempotency SET created_at = now() WHERE status IS NULL"));
        }

        using var answer = await slow;

        await TextAsync(answer, 202);
        Assert.Equal(1, await Records.ExecuteAsync("DELETE FROM dispatcher.idempotency WHERE status IS NULL"));
    }

    [Theory]
    [InlineData("POST /events", """{"type":"a.b","payload":{},"id":"order-1"}""", 202, 200)]
    [InlineData("POST /jobs", """{"kind":"parse","id":"j"}""", 201, 409)]
    [InlineData("POST /projects", """{"id":"p"}""", 201, 409)]
    public async Task What_has_an_id_is_made_once_even_where_a_kill_lost_the_answer(string call, string body, int status, int statusAgain)
    {
        var customer = await api.CustomerAsync();
        using var first = await customer.Admin.RequestAsync(call, body, idempotencyKey: "killed");
        await TextAsync(first, status);
        // What a kill between the effect and its answer leaves, a minute later.
        Assert.Equal(1, await Records.ExecuteAsync(
            """
            UPDATE dispatcher.idempotency SET status = NULL, location = NULL, content_type = NULL, body = NULL, locked_until = now() - interval '1 second'
            WHERE created_at = (SELECT max(created_at) FROM dispatcher.idempotency)
            """));

        using var again = await customer.Admin.RequestAsync(call, body, idempotencyKey: "killed");

        await TextAsync(again, statusAgain);
        Assert.Equal(call == "POST /projects" ? 0 : 1, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task An_answer_is_kept_for_24_hours_and_no_longer()
    {
        var customer = await api.CustomerAsync();
        async Task<string> SendAsync(string body)
        {
            using var answer = await customer.Admin.RequestAsync("POST /events", body, idempotencyKey: "old");
            return await TextAsync(answer, 202);
        }

        Task AgeAsync(string by) => Records.ExecuteAsync($"UPDATE dispatcher.idempotency SET created_at = created_at - interval '{by}'");

        var first = await SendAsync(Event);
        await AgeAsync("23 hours 59 minutes");
        Assert.Equal(first, await SendAsync(Event));
        await AgeAsync("1 minute");
        var second = await SendAsync(Event);
        Assert.NotEqual(first, second);
        Assert.Equal(second, await SendAsync(Event));
        await AgeAsync("24 hours");
        await SendAsync(Event + " ");
        Assert.Equal(3, (await customer.Admin.CallAsync(200, "GET /events")).Data().Count);
    }

    [Fact]
    public async Task A_refusal_is_kept_as_the_answer_it_is()
    {
        var customer = await api.CustomerAsync();
        await customer.Admin.CallAsync(201, "POST /projects", """{"id":"p"}""");
        for (var i = 0; i < 2; i++)
        {
            using var conflict = await customer.Admin.RequestAsync("POST /projects", """{"id":"p"}""", idempotencyKey: "conflict");
            await conflict.RefusalAsync(409);
            using var invalid = await customer.Admin.RequestAsync("POST /projects", """{"id":"a b"}""", idempotencyKey: "invalid");
            await invalid.RefusalAsync(422, "id");
            using var malformed = await customer.Admin.RequestAsync("POST /events", "{", idempotencyKey: "malformed");
            await malformed.RefusalAsync(400);
            using var unknown = await customer.Admin.RequestAsync("POST /deliveries/dlv_1/retry", "", idempotencyKey: "unknown");
            await unknown.RefusalAsync(404);
            // Now it could be done, and is not: the key stands for the first request, as it went.
            if (i == 0) await customer.Admin.CallAsync(204, "DELETE /projects/p");
        }
    }

    [Fact]
    public async Task A_failure_of_the_server_is_not_kept()
    {
        var customer = await api.CustomerAsync();
        await Records.ExecuteAsync("ALTER TABLE dispatcher.project ADD CONSTRAINT never CHECK (id <> 'never')");
        using var failed = await customer.Admin.RequestAsync("POST /projects", """{"id":"never"}""", idempotencyKey: "failed");
        await failed.RefusalAsync(500);
        await Records.ExecuteAsync("ALTER TABLE dispatcher.project DROP CONSTRAINT never");

        using var again = await customer.Admin.RequestAsync("POST /projects", """{"id":"never"}""", idempotencyKey: "failed");

        await TextAsync(again, 201);
    }

    [Fact]
    public async Task The_answer_is_given_again_in_whichever_header_the_caller_sends_its_key()
    {
        var customer = await api.CustomerAsync();
        var key = (await customer.Admin.CallAsync(201, "POST /api-keys", """{"role":"admin"}""")).Text("key");
        using var bearer = api.Server.ClientWith(key);
        using var header = api.Server.ClientWith(null);
        header.DefaultRequestHeaders.Add("x-api-key", key);

        using var first = await bearer.RequestAsync("POST /api-keys", """{"role":"member"}""", idempotencyKey: "k");
        using var again = await header.RequestAsync("POST /api-keys", """{"role":"member"}""", idempotencyKey: "k");

        Assert.Equal(await TextAsync(first, 201), await TextAsync(again, 201));
    }

    [Fact]
    public async Task An_empty_key_is_refused_by_name_and_has_no_effect()
    {
        var customer = await api.CustomerAsync();
        using var empty = await customer.Admin.RequestAsync("POST /events", Event, idempotencyKey: "");

        await empty.RefusalAsync(422, "Idempotency-Key");
        Assert.Empty((await customer.Admin.CallAsync(200, "GET /events")).Data());
    }

    private static async Task<string> TextAsync(HttpResponseMessage answer, int status)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"expected {status}, got {(int)answer.StatusCode}: {text}");
        return text;
    }

    private async Task<Hold> HoldAsync(string table)
    {
        var connection = new NpgsqlConnection(api.Server.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"BEGIN; LOCK TABLE dispatcher.{table} IN ACCESS EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync();
        return new Hold(connection, Records);
    }

    /// <summary>A table that nobody else gets at until this is disposed of.</summary>
    private sealed class Hold(NpgsqlConnection connection, Records records) : IAsyncDisposable
    {
        public Task WaitUntilWaitedForAsync() => Eventually.TrueAsync(
            async () => await records.ScalarAsync<long>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%dispatcher.accept(%'") > 0,
            "a request waits for the table");

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
