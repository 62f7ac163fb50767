// ordering "by_key": whatever fails or dies, a receiver sees the events of a key in order and one at a time.

using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class OrderingTests(PostgresFixture postgres, ITestOutputHelper log)
{
    private const int Keys = 20;
    private const int PerKey = 30;

    [Fact]
    public async Task Failures_two_nodes_and_a_kill_9_of_one_never_show_a_key_out_of_order_or_two_of_it_at_once()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await Receiver.StartAsync();
        var seed = Random.Shared.Next();
        log.WriteLine($"seed {seed}");
        var watch = new Watch(seed);
        receiver.Answer = watch.AnswerAsync;
        (string, string)[] settings = [("Dispatcher__Retry__BaseSeconds", "0.05"), ("Dispatcher__Retry__JitterRatio", "0")];
        await using var one = await ServerProcess.StartAsync(database, settings);
        await using var other = await ServerProcess.StartAsync(database, settings);
        await one.RegisterAsync(receiver.Url, new { ordering = "by_key" });

        // Each event comes in by the other node than the one before it: the order is that of acceptance, not of a node.
        for (var n = 0; n < PerKey; n += 5)
        {
            using var answer = await ((n / 5) % 2 == 0 ? one : other).Client.PostAsync("/events/batch", TestServer.Json(Batch(n, n + 5)));
            await TestServer.ReadAsync(answer, HttpStatusCode.Accepted);
        }

        await Eventually.TrueAsync(() => watch.Succeeded > Keys * PerKey / 4, "a quarter is delivered");
        // Whichever has something in its hands.
        var records = new Records(database);
        var name = "";
        await Eventually.TrueAsync(async () =>
        {
            name = await records.ScalarAsync<string>(
                "SELECT coalesce(min(n.name), '') FROM dispatcher.queue q JOIN dispatcher.node n ON n.id = q.owner");
            return name.Length > 0;
        }, "a node is at work");
        await (name.EndsWith($"/{one.Id}", StringComparison.Ordinal) ? one : other).KillAsync();
        log.WriteLine($"killed after {watch.Succeeded} of {Keys * PerKey}");
        Assert.InRange(watch.Succeeded, 1, (Keys * PerKey) - 1);

        await Eventually.TrueAsync(() => watch.Succeeded == Keys * PerKey, "every event succeeds", TimeSpan.FromSeconds(45));
        await records.AllSucceededAsync(Keys * PerKey);
        Assert.Empty(watch.Violations);
        Assert.InRange(watch.Failed, 20, int.MaxValue);
    }

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
        var answerFirst = new TaskCompletionSource();
        receiver.Answer = async (_, n, context) =>
        {
            if (n == 1) await answerFirst.Task;
            context.Response.StatusCode = 204;
        };
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

    private static string Batch(int first, int end) => "[" + string.Join(",",
        from n in Enumerable.Range(first, end - first)
        from k in Enumerable.Range(0, Keys)
        select $$$"""{"type":"a.b","ordering_key":"k{{{k}}}","payload":{"key":"k{{{k}}}","n":{{{n}}}}}""") + "]";

    private static (string Key, int N) Read(Received post)
    {
        var body = JsonElement.Parse(post.Body);
        return (body.GetProperty("key").GetString()!, body.GetProperty("n").GetInt32());
    }

    /// <summary>Answers at random, and notes whatever may not be.</summary>
    private sealed class Watch(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly ConcurrentDictionary<string, Progress> _keys = new();
        private int _failed;
        private int _succeeded;

        public ConcurrentQueue<string> Violations { get; } = new();

        public int Failed => Volatile.Read(ref _failed);

        /// <summary>Distinct events.</summary>
        public int Succeeded => Volatile.Read(ref _succeeded);

        public async Task AnswerAsync(Received post, int number, HttpContext context)
        {
            var (key, n) = Read(post);
            var progress = _keys.GetOrAdd(key, _ => new Progress());
            bool fail;
            int wait;
            lock (_random)
            {
                // The last attempts succeed, so that no bad luck exhausts a delivery.
                fail = post.Attempt < 5 && _random.NextDouble() < 0.25;
                wait = _random.Next(10, 40);
            }

            if (Interlocked.Increment(ref progress.UnderWay) != 1) Violations.Enqueue($"{key}: two at once, one of them {n}");
            // The one before again is a repetition of a POST that was in flight when its node died.
            var expected = Volatile.Read(ref progress.Next);
            if (n != expected && n != expected - 1) Violations.Enqueue($"{key}: {n} came when {expected} was next");
            await Task.Delay(wait);
            if (fail)
            {
                Interlocked.Increment(ref _failed);
            }
            else if (n == expected)
            {
                Volatile.Write(ref progress.Next, n + 1);
                Interlocked.Increment(ref _succeeded);
            }

            Interlocked.Decrement(ref progress.UnderWay);
            context.Response.StatusCode = fail ? 500 : 204;
        }

        private sealed class Progress
        {
            public int Next;
            public int UnderWay;
        }
    }
}
