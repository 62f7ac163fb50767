// The yardstick: the same POSTs to the same receiver from a bare HttpClient, nothing stored, nothing retried. What this reaches on a
// machine is what its cores allow for sending webhooks at all; the figures are told as shares of it.
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;

namespace Dispatcher.Benchmarks.Harness;

internal sealed class RawLoop(ReceiverProcess receiver, RoundCounter rounds) : IDisposable
{
    public const int Workers = 64;

    /// <summary>POSTs until both ends run fully optimized code; the rate triples in these and then stays level.</summary>
    private const int WarmUpPosts = 100_000;

    private readonly HttpClient _client = new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = Workers,
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private bool _warm;

    /// <summary>Sends <paramref name="count"/> POSTs and returns the rate. The first call warms up before it measures.</summary>
    public async Task<RawResult> MeasureAsync(int count, CancellationToken cancellationToken)
    {
        if (!_warm) await RunAsync(WarmUpPosts, cancellationToken);
        _warm = true;
        return await RunAsync(count, cancellationToken);
    }

    public void Dispose() => _client.Dispose();

    private async Task<RawResult> RunAsync(int count, CancellationToken cancellationToken)
    {
        var secret = Signature.NewSecret();
        var round = rounds.Next();
        await receiver.ResetAsync(new LedgerSettings(round, count, Mark: 0, [secret]), cancellationToken);

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadlines.Round);
        var next = -1;
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(WorkAsync, deadline.Token)));
        var elapsed = Stopwatch.GetElapsedTime(started);

        var summary = await receiver.SummarizeAsync(cancellationToken);
        return new RawResult(count / elapsed.TotalSeconds, Verification.OfArrivals(summary, count));

        async Task WorkAsync()
        {
            var key = Signature.KeyOf(secret);
            var body = new byte[Payload.Length];
            for (var number = Interlocked.Increment(ref next); number < count; number = Interlocked.Increment(ref next))
            {
                Payload.Write(body, round, number, Stopwatch.GetTimestamp());
                using var request = Request(body, key);
                using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
                response.EnsureSuccessStatusCode();
            }
        }
    }

    // Everything that the contract's section 6 has on a POST.
    private HttpRequestMessage Request(byte[] body, byte[] key)
    {
        var id = "evt_" + Guid.CreateVersion7().ToString("n");
        var timestamp = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Signature.Sign(key, id, timestamp, body);

        var request = new HttpRequestMessage(HttpMethod.Post, receiver.Hook) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = JsonType;
        var headers = request.Headers;
        headers.TryAddWithoutValidation("user-agent", "Dispatcher/0.1.0");
        headers.TryAddWithoutValidation("webhook-id", id);
        headers.TryAddWithoutValidation("webhook-timestamp", timestamp);
        headers.TryAddWithoutValidation("webhook-signature", signature);
        headers.TryAddWithoutValidation("svix-id", id);
        headers.TryAddWithoutValidation("svix-timestamp", timestamp);
        headers.TryAddWithoutValidation("svix-signature", signature);
        headers.TryAddWithoutValidation("dispatcher-event", BenchIntegration.MainType);
        headers.TryAddWithoutValidation("dispatcher-attempt", "1");
        return request;
    }

    private static readonly MediaTypeHeaderValue JsonType = new("application/json");
}

/// <summary>The bare loop's rate in POSTs a second, and what was wrong with the arrivals (nothing, normally).</summary>
internal sealed record RawResult(double Rate, IReadOnlyList<string> Problems);
