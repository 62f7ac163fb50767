// A provider that publishes numbered events in batches, and asks again for what was not answered.

using System.Net;
using System.Text.Json;
using Dispatcher.Tests.Support;

namespace Dispatcher.Tests.Faults;

/// <summary>Events with the payloads <c>{"n":0}</c>, <c>{"n":1}</c> …, each under a dedupe id of its own: publishing one twice is safe.</summary>
internal sealed class Load(int count)
{
    public const string Type = "load.made";
    private const int BatchSize = 100;

    private readonly bool[] _answered = new bool[(count + BatchSize - 1) / BatchSize];

    public int Count => count;

    /// <summary>Publishes, in order, what has not been answered yet, until all is or the server is gone.</summary>
    public Task PublishAsync(HttpClient client) => PublishAsync(client, 0, count);

    /// <summary>As <see cref="PublishAsync(HttpClient)"/>, for a span of the numbers: whole batches.</summary>
    public async Task PublishAsync(HttpClient client, int from, int to)
    {
        for (var batch = from / BatchSize; batch < (to + BatchSize - 1) / BatchSize; batch++)
        {
            if (_answered[batch]) continue;
            try
            {
                using var answer = await client.PostAsync("/events/batch", TestServer.Json(Batch(batch)));
                if (answer.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests) return;
                var items = (await TestServer.ReadAsync(answer, HttpStatusCode.Accepted)).GetProperty("data");
                Assert.All(items.EnumerateArray(), item => Assert.False(item.TryGetProperty("error", out _), item.ToString()));
                _answered[batch] = true;
            }
            catch (Exception gone) when (gone is HttpRequestException or OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>The number that a POST carries.</summary>
    public static int NumberOf(Received post) => JsonElement.Parse(post.Body).GetProperty("n").GetInt32();

    /// <summary>Waits until every event has arrived; then asserts that each kept the same webhook-id throughout.</summary>
    public async Task<IReadOnlyList<Received>> ArrivedAsync(Receiver receiver, TimeSpan within)
    {
        IReadOnlyList<Received> posts = [];
        // All of them are looked through each time: not too often.
        await Eventually.TrueAsync(() =>
        {
            posts = receiver.All;
            return Task.FromResult(posts.Count >= count && posts.Select(NumberOf).Distinct().Count() == count);
        }, $"all {count} events arrive", within, every: TimeSpan.FromMilliseconds(100));
        Assert.Equal(count, posts.Select(p => p.Id).Distinct().Count());
        Assert.Equal(count, posts.Select(p => (p.Id, NumberOf(p))).Distinct().Count());
        return posts;
    }

    private string Batch(int batch)
    {
        var numbers = Enumerable.Range(batch * BatchSize, Math.Min(BatchSize, count - (batch * BatchSize)));
        return "[" + string.Join(",", numbers.Select(n => $$$"""{"type":"{{{Type}}}","id":"n-{{{n}}}","payload":{"n":{{{n}}}}}""")) + "]";
    }
}
