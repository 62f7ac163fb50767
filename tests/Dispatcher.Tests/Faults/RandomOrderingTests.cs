// ordering "by_key" under everything at once: failures of each kind, two nodes, publishing over both and in SQL, transactions that
// commit late, a kill -9 and a restart. The seed is printed; DISPATCHER_TEST_SEED sets it.

using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Support;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class RandomOrderingTests(PostgresFixture postgres, ITestOutputHelper log)
{
    private const int Chains = 12;
    private const int PerChain = 40;

    // Keys that several transactions publish to side by side: their order is nobody's promise, that they come one at a time is.
    private const int CrowdedKeys = 4;
    private const int Publishers = 4;
    private const int PerPublisher = 20;

    private const int Expected = (Chains * PerChain) + (Publishers * PerPublisher);
    private const double Timeout = 0.5;

    [Fact]
    public async Task Whatever_fails_or_dies_a_key_comes_in_the_order_of_its_answers_and_one_at_a_time_and_all_of_it_arrives()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("DISPATCHER_TEST_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given : Random.Shared.Next();
        log.WriteLine($"DISPATCHER_TEST_SEED={seed}");
        var database = await postgres.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(database);
        await using var receiver = await Receiver.StartAsync();
        var watch = new Watch(seed);
        receiver.Answer = watch.AnswerAsync;
        (string, string)[] settings = [("Dispatcher__Retry__BaseSeconds", "0.05"), ("Dispatcher__Retry__JitterRatio", "0")];
        await using var one = await ServerProcess.StartAsync(database, settings);
        await using var victim = await ServerProcess.StartAsync(database, settings);
        await one.RegisterAsync(receiver.Url, new { ordering = "by_key", timeout_seconds = Timeout });

        var ways = new ConcurrentDictionary<string, Func<string, int, Task<bool>>>
        {
            ["one"] = (key, n) => PostAsync(one.Client, key, n),
            ["other"] = (key, n) => PostAsync(victim.Client, key, n),
            ["sql"] = (key, n) => PublishAsync(source, key, n, TimeSpan.Zero),
            ["late"] = (key, n) => PublishAsync(source, key, n, TimeSpan.FromMilliseconds(40)),
        };
        Task[] publishing =
        [
            .. Enumerable.Range(0, Chains).Select(c => PublishChainAsync($"chain-{c}", new Random(seed + c), ways)),
            .. Enumerable.Range(0, Publishers).Select(p => PublishCrowdAsync(p, new Random(seed - 1 - p), source)),
        ];
        await Eventually.TrueAsync(() => watch.Succeeded > Chains * PerChain / 5, "a fifth is delivered");
        await victim.KillAsync();
        log.WriteLine($"killed after {watch.Succeeded} of {Expected}");
        await using var next = await ServerProcess.StartAsync(database, settings);
        ways["other"] = (key, n) => PostAsync(next.Client, key, n);
        await Task.WhenAll(publishing);

        await Eventually.TrueAsync(() => watch.Succeeded == Expected, "every event succeeds", TimeSpan.FromSeconds(40));
        await new Records(database).AllSucceededAsync(Expected);
        log.WriteLine($"{receiver.All.Count} POSTs, {watch.Failed} failed, {watch.Repeated} of what had succeeded came again");
        Assert.Empty(watch.Violations);
        Assert.InRange(watch.Failed, 50, int.MaxValue);
        // What was in flight when its node died: at most one of each key.
        Assert.InRange(watch.Repeated, 0, Chains + CrowdedKeys);
    }

    /// <summary>Publishes a key's events, each after the answer for the one before it, each by another way.</summary>
    private static async Task PublishChainAsync(string key, Random random, ConcurrentDictionary<string, Func<string, int, Task<bool>>> ways)
    {
        string[] names = [.. ways.Keys.Order(StringComparer.Ordinal)];
        for (var n = 0; n < PerChain;)
        {
            // Unanswered: the same event again, by whatever way comes next.
            if (await ways[names[random.Next(names.Length)]](key, n)) n++;
            await Task.Delay(random.Next(60));
        }
    }

    private static async Task PublishCrowdAsync(int publisher, Random random, NpgsqlDataSource source)
    {
        for (var i = 0; i < PerPublisher; i++)
            await PublishAsync(source, $"crowd-{random.Next(CrowdedKeys)}", (publisher * PerPublisher) + i, TimeSpan.FromMilliseconds(random.Next(150)));
    }

    private static async Task<bool> PostAsync(HttpClient client, string key, int n)
    {
        try
        {
            using var answer = await client.PostAsync("/events", TestServer.Json(
                $$$"""{"type":"a.b","id":"{{{key}}}-{{{n}}}","ordering_key":"{{{key}}}","payload":{{{Payload(key, n)}}}}"""));
            // 200: the one whose answer did not arrive was accepted after all.
            return answer.StatusCode is HttpStatusCode.Accepted or HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<bool> PublishAsync(NpgsqlDataSource source, string key, int n, TimeSpan beforeCommit)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var publish = new NpgsqlCommand("SELECT dispatcher.publish('a.b', $1, ordering_key => $2, id => $3)", connection, transaction)
        {
            Parameters = { new() { Value = Payload(key, n) }, new() { Value = key }, new() { Value = $"{key}-{n}" } },
        };
        await publish.ExecuteNonQueryAsync();
        if (beforeCommit > TimeSpan.Zero) await Task.Delay(beforeCommit);
        await transaction.CommitAsync();
        return true;
    }

    private static string Payload(string key, int n) => $$"""{"key":"{{key}}","n":{{n}}}""";

    /// <summary>Answers at random, and notes whatever may not be.</summary>
    private sealed class Watch(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly ConcurrentDictionary<string, Progress> _keys = new();
        private int _failed;
        private int _repeated;
        private int _succeeded;

        public ConcurrentQueue<string> Violations { get; } = new();

        public int Failed => Volatile.Read(ref _failed);
        public int Repeated => Volatile.Read(ref _repeated);

        /// <summary>Distinct events.</summary>
        public int Succeeded => Volatile.Read(ref _succeeded);

        public async Task AnswerAsync(Received post, int number, HttpContext context)
        {
            var body = JsonElement.Parse(post.Body);
            var (key, n) = (body.GetProperty("key").GetString()!, body.GetProperty("n").GetInt32());
            var progress = _keys.GetOrAdd(key, _ => new Progress());
            var fate = Draw(post, out var wait);
            var visit = new Visit(n, fate == Fate.Hang);
            Arrived(progress, visit, key);
            if (fate == Fate.Hang)
            {
                await Task.Delay(TimeSpan.FromSeconds(Timeout + 0.3), context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            else
            {
                await Task.Delay(wait);
            }

            if (fate != Fate.Succeed) Interlocked.Increment(ref _failed);
            Leaves(progress, visit, fate, post.Id);
            context.Response.StatusCode = fate == Fate.Succeed ? 204 : 500;
            if (fate is Fate.Reset or Fate.Hang) context.Abort();
        }

        private Fate Draw(Received post, out int wait)
        {
            lock (_random)
            {
                wait = _random.Next(5, 30);
                // The later attempts succeed, so that no bad luck exhausts a delivery.
                if (post.Attempt >= 5 || _random.NextDouble() >= 0.25) return Fate.Succeed;
                return (Fate)_random.Next((int)Fate.Refuse, (int)Fate.Hang + 1);
            }
        }

        private void Arrived(Progress progress, Visit visit, string key)
        {
            lock (progress)
            {
                if (progress.Current is { } other && !other.IsGivenUp) Violations.Enqueue($"{key}: {visit.N} came while {other.N} was under way");
                progress.Current = visit;
                // The one before again is a repetition of a POST that was in flight when its node died.
                if (key.StartsWith("chain", StringComparison.Ordinal) && visit.N != progress.Next && visit.N != progress.Next - 1)
                    Violations.Enqueue($"{key}: {visit.N} came when {progress.Next} was next");
            }
        }

        private void Leaves(Progress progress, Visit visit, Fate fate, string id)
        {
            lock (progress)
            {
                if (progress.Current == visit) progress.Current = null;
                if (fate != Fate.Succeed) return;
                if (!progress.Done.Add(id))
                {
                    Interlocked.Increment(ref _repeated);
                    return;
                }

                progress.Next = visit.N + 1;
                Interlocked.Increment(ref _succeeded);
            }
        }

        private enum Fate
        {
            Succeed,
            Refuse,
            Reset,
            Hang,
        }

        private sealed class Progress
        {
            public int Next;
            public Visit? Current;
            public HashSet<string> Done { get; } = [];
        }

        private sealed class Visit(int n, bool hangs)
        {
            private readonly long _began = TimeProvider.System.GetTimestamp();

            public int N => n;

            /// <summary>Whether its sender may have run into the timeout: from then on another attempt is right.</summary>
            public bool IsGivenUp => hangs && TimeProvider.System.GetElapsedTime(_began).TotalSeconds > Timeout * 0.9;
        }
    }
}
