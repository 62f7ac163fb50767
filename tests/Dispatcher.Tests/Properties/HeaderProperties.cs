// Headers: those that we are sent, and those that an owner adds to what we send.

using System.Globalization;
using Dispatcher.Client;
using Dispatcher.Retries;
using Dispatcher.Sending;
using Dispatcher.Tests.Client;
using Dispatcher.Tests.Sending;
using Dispatcher.Tests.Support;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

public sealed class HeaderProperties
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Names that the framework, a proxy or a receiver treats in a way of its own, and that are an owner's to set.</summary>
    private static readonly string[] Known =
    [
        "accept", "accept-encoding", "age", "allow", "authorization", "cache-control", "cookie", "date", "etag", "expires", "forwarded", "from",
        "if-match", "if-modified-since", "last-modified", "link", "location", "max-forwards", "origin", "pragma", "range", "referer", "server",
        "set-cookie", "traceparent", "user-agent", "vary", "via", "warning", "www-authenticate", "x-api-key", "x-forwarded-for",
    ];

    private static readonly string[] Refused =
    [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "trailers", "transfer-encoding",
        "upgrade", "host", "expect", "content-type", "content-length", "content-encoding", "content-md5", "webhook-id", "webhook-signature", "svix-id",
        "svix-timestamp", "dispatcher-event",
    ];

    [Fact]
    public void No_signature_header_made_up_by_chance_verifies_or_throws()
    {
        var verifier = new WebhookVerifier([SendingBench.SecretText], time: new ProbeTime(timersFire: false, Now));
        var now = Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Gen.OneOf(
            Inputs.Garbage(80), Inputs.Bytes(0, 40).Select(b => "v1," + Convert.ToBase64String(b)), Inputs.Bytes(32, 32).Select(b => "v1a," + Convert.ToBase64String(b)),
            Inputs.From("v1, =A", 0, 200));
        Property.Holds(
            from id in Gen.OneOf(Inputs.Garbage(40), Gen.Constant("evt_1"))
            from timestamp in Gen.OneOf(Inputs.Garbage(20), Gen.Constant(now), Inputs.From("0123456789-+ .", 0, 25))
            from header in Gen.OneOf(signature, signature.ArrayOf(5).Select(all => string.Join(' ', all)))
            from family in Gen.Elements("webhook", "svix")
            from body in Inputs.Bytes(0, 20)
            select (Headers: new Dictionary<string, string> { [family + "-id"] = id, [family + "-timestamp"] = timestamp, [family + "-signature"] = header }, Body: body),
            x =>
            {
                Assert.False(verifier.TryVerify(x.Headers, x.Body, out _, out var failure));
                Assert.True(Enum.IsDefined(failure.Reason));
            });
    }

    [Fact]
    public void A_retry_after_in_seconds_is_read_as_it_stands() => Property.Holds(
        Gen.Choose(0, int.MaxValue), seconds =>
            Assert.Equal(TimeSpan.FromSeconds(seconds), RetrySchedule.ParseRetryAfter(seconds.ToString(CultureInfo.InvariantCulture), Now)));

    [Fact]
    public void A_retry_after_as_a_date_is_the_span_to_it_and_never_negative() => Property.Holds(
        Gen.Choose(-100_000_000, 100_000_000), seconds =>
            Assert.Equal(TimeSpan.FromSeconds(Math.Max(0, seconds)), RetrySchedule.ParseRetryAfter(Now.AddSeconds(seconds).ToString("R", CultureInfo.InvariantCulture), Now)));

    [Fact]
    public void A_retry_after_of_any_text_is_never_negative_and_never_has_a_delivery_wait_for_more_than_an_hour() => Property.Holds(
        Gen.OneOf(
            Inputs.Garbage(40), Inputs.From("0123456789-+. ", 0, 40), Gen.Choose(0, 9999).Select(year => $"Sun, 06 Nov {year:0000} 08:49:37 GMT"),
            Inputs.Changed("Sun, 06 Nov 1994 08:49:37 GMT", "0123456789 ,:JMS")),
        text =>
        {
            var asked = RetrySchedule.ParseRetryAfter(text, Now);

            Assert.True(asked is null || asked >= TimeSpan.Zero);
            var delay = RetrySchedule.DelayAfter(1, RetryPolicy.Default, 0, asked);
            Assert.InRange(delay!.Value, TimeSpan.FromSeconds(2), TimeSpan.FromHours(1));
        });

    [Fact]
    public void The_headers_that_are_not_an_owners_are_refused_in_any_case_and_by_name() => Property.Holds(
        Gen.Elements(Refused).SelectMany(Inputs.AnyCase), name =>
        {
            Assert.False(StaticHeaders.TryCheck(name, "v", out var refusal));
            Assert.Contains($"'{name}'", refusal, StringComparison.Ordinal);
        });

    [Fact]
    public void Every_name_below_a_reserved_prefix_is_refused() => Property.Holds(
        from prefix in Gen.Elements("content-", "webhook-", "svix-", "dispatcher-").SelectMany(Inputs.AnyCase)
        from rest in Inputs.Token(20)
        select prefix + rest,
        name => Assert.False(StaticHeaders.TryCheck(name, "v", out _)));

    [Fact]
    public void Only_tokens_are_names() => Property.Holds(
        Inputs.Garbage(20).Where(name => name.Length == 0 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && !"!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal))),
        name => Assert.False(StaticHeaders.TryCheck(name, "v", out _)));

    [Fact]
    public async Task A_header_that_is_taken_arrives_as_it_was_given()
    {
        await using var receiver = await KestrelReceiver.StartAsync();
        using var sender = SendingBench.Sender();
        var header =
            from name in Gen.Frequency((1, Inputs.Token(20)), (2, Gen.Elements(Known).SelectMany(Inputs.AnyCase)))
            from value in Inputs.Text(0, 60)
            where StaticHeaders.TryCheck(name, value, out _)
            select (name, value);
        // A receiver takes 100 headers of 32 KiB.
        var sets = Property.Draw(header.ArrayOf(25), 40);

        foreach (var set in sets)
        {
            (string Name, string Value)[] headers = [.. set.DistinctBy(h => h.name, StringComparer.OrdinalIgnoreCase)];
            var result = await sender.SendAsync(SendingBench.Target(receiver.Url, headers: headers), SendingBench.Message(), CancellationToken.None);

            Assert.True(result.Outcome == SendOutcome.Succeeded, $"{Chance.Replay}: {result.Error}");
            Assert.True(receiver.Received.TryDequeue(out var received));
            foreach (var (name, value) in headers)
                Assert.True(received.Headers.TryGetValue(name, out var arrived) && arrived == value, $"{Chance.Replay}: {name}: \"{value}\" arrived as \"{arrived}\"");
        }
    }
}
