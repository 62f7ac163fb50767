// ordering "by_key": whatever fails or dies, a receiver sees the events of a key in order and one at a time.

using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Support;
using Npgsql;

namespace Dispatcher.Tests.Faults;

public sealed class OrderingTests(PostgresFixture postgres)
{
    private const int Keys = 20;

    [Fact]
    public async Task While_the_head_of_one_key_fails_its_followers_wait_and_other_keys_flow()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.2" });
        await using var receiver = await Receiver.StartAsync();
        var mend = false;
        receiver.Answer = (post, _, context) =>
        {
            context.Response.StatusCode = Read(post).Key == "k0" && !Volatile.Read(ref mend) ? 500 : 204;
            return Task.CompletedTask;
        };
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key" });

        using var answer = await server.Client.PostAsync("/events/batch", TestServer.Json(Batch(0, 10)));
        await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
        await Eventually.TrueAsync(() => receiver.All.Count(p => Read(p).Key != "k0") == (Keys - 1) * 10, "the other keys are delivered");
        Assert.All(receiver.All.Where(p => Read(p).Key == "k0"), p => Assert.Equal(0, Read(p).N));

        Volatile.Write(ref mend, true);
        await Eventually.TrueAsync(() => receiver.All.Any(p => Read(p) == ("k0", 9)), "the followers come once the head has succeeded");
        var succeeded = receiver.All.Where(p => Read(p).Key == "k0").Select(p => Read(p).N).SkipWhile(n => n == 0).ToArray();
        Assert.Equal(Enumerable.Range(1, 9), succeeded);
    }

    [Fact]
    public async Task An_event_whose_transaction_commits_late_waits_for_the_one_of_its_key_that_is_under_way()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var answerFirst = receiver.HoldFirst();
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key" });
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var publish = new NpgsqlCommand("""SELECT dispatcher.publish('a.b', '{"key":"k0","n":0}'::text, ordering_key => 'k0')""", connection))
            await publish.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await server.PublishAsync("a.b", """{"key":"k0","n":1}""", ""","ordering_key":"k0" """);
        await receiver.WaitForAsync(1);

        await transaction.CommitAsync(TestContext.Current.CancellationToken);
        // Of another key, and claimed after it: by now the late one would have been, too.
        await server.PublishAsync("a.b", """{"key":"k1","n":0}""", ""","ordering_key":"k1" """);
        await receiver.WaitForAsync(2);
        Assert.Equal(("k1", 0), Read(receiver.All[1]));
        answerFirst.SetResult();

        await receiver.WaitForAsync(3);
        Assert.Equal(("k0", 0), Read(receiver.All[2]));
    }

    [Fact]
    public async Task Behind_an_exhausted_delivery_the_next_of_its_key_goes_on()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "0.05" });
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = (post, _, context) =>
        {
            context.Response.StatusCode = Read(post).N == 0 ? 500 : 204;
            return Task.CompletedTask;
        };
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key", retry = new { max_attempts = 2 } }, "a.b");
        await PublishAsync(server, "k0", 0, 1, 2);

        await receiver.WaitForAsync(4);
        Assert.Equal([0, 0, 1, 2], receiver.All.Select(p => Read(p).N));
        Assert.Single((await server.GetAsync("/deliveries?status=exhausted")).GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task Behind_a_cancelled_delivery_the_next_of_its_key_goes_on_and_one_retried_by_hand_comes_last()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "600" });
        await using var receiver = await Receiver.StartAsync();
        var answerSecond = new TaskCompletionSource();
        receiver.Answer = async (post, n, context) =>
        {
            if (n == 2) await answerSecond.Task;
            context.Response.StatusCode = n == 1 ? 500 : 204;
        };
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key" });
        var ids = await PublishAsync(server, "k0", 0, 1, 2, 3);
        await Eventually.TrueAsync(async () => await StatusAsync(server, ids[0]) == "failed", "the first waits for its retry");

        // One that waits for its turn is not hurried out of it, and may be cancelled as well.
        await ActAsync(server, ids[1], "retry", HttpStatusCode.Accepted);
        await ActAsync(server, ids[2], "cancel", HttpStatusCode.OK);
        Assert.Single(receiver.All);
        await ActAsync(server, ids[0], "cancel", HttpStatusCode.OK);
        await receiver.WaitForAsync(2);
        await ActAsync(server, ids[0], "retry", HttpStatusCode.Accepted);
        answerSecond.SetResult();

        await receiver.WaitForAsync(4);
        Assert.Equal([0, 1, 3, 0], receiver.All.Select(p => Read(p).N));
    }

    [Fact]
    public async Task A_delivery_of_a_key_that_is_being_sent_cannot_be_cancelled_because_the_next_would_join_it()
    {
        await using var server = await TestServer.StartAsync(postgres);
        await using var receiver = await Receiver.StartAsync();
        var answerFirst = receiver.HoldFirst();
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key" });
        var ids = await PublishAsync(server, "k0", 0, 1);
        await receiver.WaitForAsync(1);

        await ActAsync(server, ids[0], "cancel", HttpStatusCode.Conflict);
        Assert.Single(receiver.All);
        answerFirst.SetResult();
        await receiver.WaitForAsync(2);
    }

    [Fact]
    public async Task The_database_refuses_a_second_row_of_a_key_that_is_due()
    {
        await using var server = await TestServer.StartAsync(postgres, new() { ["Dispatcher:Retry:BaseSeconds"] = "600" });
        await using var receiver = await Receiver.StartAsync(status: 500);
        await server.RegisterAsync(receiver.Url, new { ordering = "by_key" });
        await PublishAsync(server, "k0", 0, 1);
        await receiver.WaitForAsync(1);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await using var command = source.CreateCommand("UPDATE dispatcher.queue SET due_at = now()");

        var refused = await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken));
        Assert.Equal("queue_turn", refused.ConstraintName);
    }

    /// <summary>Publishes events of a key one after the other, and gives their deliveries.</summary>
    private static async Task<string[]> PublishAsync(TestServer server, string key, params int[] numbers)
    {
        var ids = new List<string>();
        foreach (var n in numbers)
        {
            var answer = await server.PublishAsync("a.b", $$"""{"key":"{{key}}","n":{{n}}}""", $""","ordering_key":"{key}" """);
            var deliveries = await server.GetAsync($"/deliveries?event={answer.GetProperty("id").GetString()}");
            ids.Add(deliveries.GetProperty("data")[0].GetProperty("id").GetString()!);
        }

        return [.. ids];
    }

    private static async Task<string?> StatusAsync(TestServer server, string delivery) =>
        (await server.GetAsync($"/deliveries/{delivery}")).GetProperty("status").GetString();

    private static async Task ActAsync(TestServer server, string delivery, string action, HttpStatusCode expected)
    {
        using var answer = await server.Client.PostAsync($"/deliveries/{delivery}/{action}", null);
        await TestServer.ReadAsync(answer, expected);
    }

    private static string Batch(int first, int end) => "[" + string.Join(",",
        from n in Enumerable.Range(first, end - first)
        from k in Enumerable.Range(0, Keys)
        select $$$"""{"type":"a.b","ordering_key":"k{{{k}}}","payload":{"key":"k{{{k}}}","n":{{{n}}}}}""") + "]";

    private static (string Key, int N) Read(Received post)
    {
        var body = JsonElement.Parse(post.Body);
        return (body.GetProperty("key").GetString()!, body.GetProperty("n").GetInt32());
    }
}
