// What a receiver gets, byte for byte.

using System.Diagnostics;
using System.Text;
using Dispatcher.Sending;
using Dispatcher.Signing;
using Xunit;
using static Dispatcher.Tests.Sending.SendingBench;

namespace Dispatcher.Tests.Sending;

public sealed class WebhookRequestTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1614265330).AddMilliseconds(700);

    [Fact]
    public async Task The_request_is_a_post_with_exactly_the_headers_of_the_contract()
    {
        var (request, _) = await CaptureAsync(Message());

        Assert.Equal("POST /hook HTTP/1.1", request.Line);
        Assert.Equal(
            [
                "content-length", "content-type", "dispatcher-attempt", "dispatcher-event", "host", "svix-id", "svix-signature",
                "svix-timestamp", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp",
            ],
            request.HeaderNames.Order(StringComparer.Ordinal));
        Assert.Equal("application/json", request["content-type"]);
        Assert.Equal("20", request["content-length"]);
        Assert.Equal("evt_1", request["webhook-id"]);
        Assert.Equal("1614265330", request["webhook-timestamp"]);
        Assert.Equal("job.completed", request["dispatcher-event"]);
        Assert.Equal("1", request["dispatcher-attempt"]);
        Assert.Matches("^Dispatcher/[0-9]+\\.[0-9]+\\.[0-9]+$", request["user-agent"]);
    }

    [Fact]
    public async Task The_signature_is_the_published_vector_for_its_message()
    {
        var (request, result) = await CaptureAsync(Message("""{"test": 2432232314}""", "msg_p5jXN8AQM9LWM0D4loKWxJek"));

        Assert.Equal("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", request["webhook-signature"]);
        Assert.Equal(request["webhook-signature"], result.Signature);
        Assert.Equal(1614265330, result.UnixTimestamp);
        Assert.Equal(Now, result.StartedAt);
    }

    [Fact]
    public async Task The_svix_headers_repeat_the_three()
    {
        var (request, _) = await CaptureAsync(Message());

        Assert.Equal(request["webhook-id"], request["svix-id"]);
        Assert.Equal(request["webhook-timestamp"], request["svix-timestamp"]);
        Assert.Equal(request["webhook-signature"], request["svix-signature"]);
    }

    [Fact]
    public async Task The_svix_headers_can_be_switched_off()
    {
        var (request, _) = await CaptureAsync(Message(), svix: false);

        Assert.DoesNotContain(request.HeaderNames, name => name.StartsWith("svix-", StringComparison.Ordinal));
        Assert.Contains("webhook-signature", request.HeaderNames);
    }

    [Fact]
    public async Task Every_live_secret_signs()
    {
        SigningSecret[] secrets = [Secret, Parse(SigningSecret.Generate())];

        var (request, _) = await CaptureAsync(Message(), secrets: secrets);

        Assert.Equal(WebhookSignature.Sign(secrets, "evt_1", 1614265330, Message().Payload.Span), request["webhook-signature"]);
        Assert.Equal(2, request["webhook-signature"].Split(' ').Length);
    }

    [Fact]
    public async Task The_payload_arrives_byte_for_byte()
    {
        var payload = Enumerable.Range(0, 256 * 1024).Select(i => (byte)(i * 31)).ToArray();

        var (request, result) = await CaptureAsync(Message() with { Payload = payload });

        Assert.Equal(payload, request.Body);
        Assert.NotNull(result.Address);
    }

    [Fact]
    public async Task An_empty_payload_is_sent_with_a_length_of_zero()
    {
        var (request, result) = await CaptureAsync(Message(""));

        Assert.Equal("0", request["content-length"]);
        Assert.Equal("application/json", request["content-type"]);
        Assert.NotNull(result.Address);
    }

    [Fact]
    public async Task The_attempt_is_counted()
    {
        var (request, _) = await CaptureAsync(Message(attempt: 10));

        Assert.Equal("10", request["dispatcher-attempt"]);
    }

    [Fact]
    public async Task Static_headers_are_sent_as_they_are()
    {
        var (request, _) = await CaptureAsync(
            Message(), headers: [("Authorization", "Bearer  a,b"), ("X-Empty", ""), ("X-Name", "Zoë 日本"), ("Accept", "not a/media type")]);

        Assert.Equal("Bearer  a,b", request["authorization"]);
        Assert.Equal("", request["x-empty"]);
        Assert.Equal("Zoë 日本", Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(request["x-name"])));
        Assert.Equal("not a/media type", request["accept"]);
    }

    [Fact]
    public async Task A_static_user_agent_replaces_ours()
    {
        var (request, _) = await CaptureAsync(Message(), headers: [("User-Agent", "Acme (hooks)")]);

        Assert.Equal("Acme (hooks)", request["user-agent"]);
    }

    [Fact]
    public async Task No_trace_context_of_ours_goes_out()
    {
        using var activity = new Activity("delivery").Start();

        var (request, _) = await CaptureAsync(Message());

        Assert.DoesNotContain("traceparent", request.HeaderNames);
    }

    [Theory]
    [InlineData("evt_1\r\nx-smuggled: yes", "job.completed")]
    [InlineData("evt_1", "job.completed\nx-smuggled: yes")]
    [InlineData("evt_1\0", "job.completed")]
    public async Task Control_characters_cannot_smuggle_a_header(string id, string eventType)
    {
        await using var receiver = RawReceiver.Answering(Ok);
        using var sender = Sender();
        var message = Message(id: id) with { EventType = eventType };

        await Assert.ThrowsAsync<ArgumentException>(() => sender.SendAsync(Target(receiver.Url), message, default));

        Assert.Equal(0, receiver.Connections);
    }

    private static async Task<(RawRequest Request, SendResult Result)> CaptureAsync(
        WebhookMessage message, bool svix = true, SigningSecret[]? secrets = null, params (string Name, string Value)[] headers)
    {
        RawRequest? request = null;
        await using var receiver = RawReceiver.Start(async connection =>
        {
            request = await connection.ReadRequestAsync();
            await connection.WriteAsync(Ok);
        });
        using var sender = Sender(time: new StandingClock(Now));

        var result = await sender.SendAsync(Target(receiver.Url, svix: svix, secrets: secrets, headers: headers), message, default);

        Assert.Equal(SendOutcome.Succeeded, result.Outcome);
        return (request!, result);
    }
}
