// kill -9 of PostgreSQL while events come in and go out: the server waits for it, and nothing that was promised is lost.

using System.Collections.Concurrent;
using System.Net;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

[Collection(ProcessTests.Name)]
public sealed class KilledDatabaseTests(ITestOutputHelper log)
{
    private const int MaxConcurrency = 16;

    [Fact]
    public async Task A_database_killed_and_restarted_costs_503s_meanwhile_and_no_event_that_was_answered_202()
    {
        await using var postgres = await OwnPostgres.StartAsync();
        await using var receiver = await Receiver.StartAsync();
        receiver.Answer = async (_, _, context) =>
        {
            await Task.Delay(20);
            context.Response.StatusCode = 204;
        };
        await using var server = await ServerProcess.StartAsync(
            postgres.ConnectionString, ("Dispatcher__Delivery__MaxConcurrency", $"{MaxConcurrency}"));
        await server.RegisterAsync(receiver.Url);
        using var enough = new CancellationTokenSource();
        var promised = new ConcurrentDictionary<int, byte>();
        var answers = new ConcurrentQueue<HttpStatusCode>();
        var publishing = Enumerable.Range(0, 4).Select(p => PublishAsync(server.Client, p * 1_000_000, promised, answers, enough.Token)).ToArray();
        await Eventually.TrueAsync(() => promised.Count > 300 && receiver.All.Count > 200, "events come in and go out");

        await postgres.KillAsync();
        await Eventually.TrueAsync(() => answers.Contains(HttpStatusCode.ServiceUnavailable), "publishing is refused");
        using (var ready = await server.Client.GetAsync("/health/ready"))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        using (var live = await server.Client.GetAsync("/health/live"))
            Assert.Equal(HttpStatusCode.OK, live.StatusCode);
        // Longer than a node may be silent: its rows are its own all the same once it is heard again.
        await Task.Delay(TimeSpan.FromSeconds(11), TestContext.Current.CancellationToken);
        var before = promised.Count;
        await postgres.StartAgainAsync();
        await Eventually.TrueAsync(() => promised.Count > before + 300, "events come in again");
        await enough.CancelAsync();
        await Task.WhenAll(publishing);

        IReadOnlyList<Received> posts = [];
        await Eventually.TrueAsync(() =>
        {
            posts = receiver.All;
            return promised.Keys.ToHashSet().IsSubsetOf(posts.Select(Load.NumberOf));
        }, "every event answered 202 arrives", TimeSpan.FromSeconds(30));
        var records = new Records(postgres.ConnectionString);
        // An event whose commit went through although its answer was lost arrives as well: it was never refused.
        await records.AllSucceededAsync(receiver.All.Select(p => p.Id).Distinct().Count());
        posts = receiver.All;
        var repeated = posts.Count - posts.Select(p => p.Id).Distinct().Count();
        log.WriteLine($"{promised.Count} promised, {answers.Count(a => a == HttpStatusCode.ServiceUnavailable)} refused, {repeated} arrived twice");
        Assert.InRange(repeated, 0, MaxConcurrency);
        Assert.All(answers.Distinct(), a => Assert.True(a is HttpStatusCode.Accepted or HttpStatusCode.ServiceUnavailable, $"{a}"));
        await server.TerminateAsync();
    }

    private static async Task PublishAsync(
        HttpClient client, int number, ConcurrentDictionary<int, byte> promised, ConcurrentQueue<HttpStatusCode> answers, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            using var answer = await client.PostAsync("/events", TestServer.Json($$$"""{"type":"a.b","payload":{"n":{{{++number}}}}}"""), CancellationToken.None);
            answers.Enqueue(answer.StatusCode);
            if (answer.StatusCode == HttpStatusCode.Accepted) promised[number] = 0;
            // About as fast as the receiver takes them.
            await Task.Delay(8, CancellationToken.None);
        }
    }
}
