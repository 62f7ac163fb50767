// A client that sends what no HTTP client would: bytes as they are given, at its own pace.

using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Dispatcher.Tests.Support;

/// <summary>What a server answered.</summary>
internal sealed record RawAnswer(int Status, string Head, string Body);

internal sealed class RawClient : IDisposable
{
    private readonly TcpClient _tcp = new();

    public static async Task<RawClient> ConnectAsync(Uri server)
    {
        var client = new RawClient();
        await client._tcp.ConnectAsync(server.Host, server.Port, TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>Sends the head of a request, and what follows it; <c>call</c> as in <c>"POST /events"</c>.</summary>
    public Task RequestAsync(string call, string headers, string body = "", string key = TestServer.OperatorKey) =>
        SendAsync($"{call} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n{headers}\r\n\r\n{body}");

    public async Task SendAsync(string text) => await _tcp.GetStream().WriteAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    /// <summary>Reads one answer, whose length its head must give, or which ends with the connection.</summary>
    public async Task<RawAnswer> AnswerAsync() =>
        await AnswerWithinAsync(TimeSpan.FromSeconds(30)) ?? throw new TimeoutException("No answer within 30 seconds.");

    /// <summary>The same; null where none comes in time.</summary>
    public async Task<RawAnswer?> AnswerWithinAsync(TimeSpan patience)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(patience);
        try
        {
            return await ReadAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose() => _tcp.Dispose();

    private async Task<RawAnswer> ReadAsync(CancellationToken ct)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            if (Parse(text.ToString()) is { } answer) return answer;
            var read = await _tcp.GetStream().ReadAsync(buffer, ct);
            Assert.True(read > 0, $"the connection ended after: {text}");
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
    }

    private static RawAnswer? Parse(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0) return null;
        var (head, body) = (text[..end], text[(end + 4)..]);
        var status = int.Parse(head.Split(' ')[1], CultureInfo.InvariantCulture);
        if (head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
            return body.EndsWith("0\r\n\r\n", StringComparison.Ordinal) ? new RawAnswer(status, head, body) : null;
        var length = head.Split("\r\n").Select(l => l.Split(": ")).FirstOrDefault(l => l[0].Equals("Content-Length", StringComparison.OrdinalIgnoreCase))?[1] ?? "0";
        return Encoding.UTF8.GetByteCount(body) >= int.Parse(length, CultureInfo.InvariantCulture) ? new RawAnswer(status, head, body) : null;
    }
}
