// The whole schedule of a delivery that never succeeds: ten attempts, the waits between them, and a second round by hand.

using Dispatcher.Dispatching;
using Dispatcher.Retries;
using Dispatcher.Sending;
using Dispatcher.Signing;

namespace Dispatcher.Tests.Engine;

public sealed class ScheduleTests
{
    private static readonly double[] WaitsInSeconds = [2, 4, 8, 16, 32, 64, 128, 256, 512];

    private static readonly SigningSecret Secret =
        SigningSecret.TryParse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out var secret, out var error) ? secret : throw new FormatException(error);

    [Fact]
    public void Ten_failures_in_a_row_wait_two_to_512_seconds_and_exhaust_the_delivery()
    {
        var attempts = FailUntilTheEnd(attempts: 0, roundStart: 0);

        Assert.Equal(WaitsInSeconds, attempts.SkipLast(1).Select(a => a.RetryIn!.Value.TotalSeconds));
        Assert.All(attempts.SkipLast(1), a => Assert.Null(a.Status));
        Assert.Equal(Enumerable.Range(1, 10), attempts.Select(a => a.Number));
        Assert.Null(attempts[^1].RetryIn);
        Assert.Equal(DeliveryStatus.Exhausted, attempts[^1].Status);
        Assert.True(attempts[^1].HasConsequences);
    }

    [Fact]
    public void A_manual_retry_of_an_exhausted_delivery_begins_a_new_round_numbered_on()
    {
        var attempts = FailUntilTheEnd(attempts: 10, roundStart: 10);

        Assert.Equal(WaitsInSeconds, attempts.SkipLast(1).Select(a => a.RetryIn!.Value.TotalSeconds));
        Assert.Equal(Enumerable.Range(11, 10), attempts.Select(a => a.Number));
        Assert.Equal(DeliveryStatus.Exhausted, attempts[^1].Status);
    }

    [Fact]
    public void Jitter_adds_at_most_its_ratio_and_never_takes_away()
    {
        foreach (var attempt in Enumerable.Range(0, 100).SelectMany(_ => FailUntilTheEnd(attempts: 0, roundStart: 0, jitter: 0.1).SkipLast(1)))
        {
            var scheduled = WaitsInSeconds[attempt.Number - 1];
            Assert.InRange(attempt.RetryIn!.Value.TotalSeconds, scheduled, scheduled * 1.1);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_success_ends_the_delivery_whichever_attempt_it_is(int number)
    {
        var attempt = new FinishedAttempt(Delivery(number - 1, 0), Settings(0), Result(SendOutcome.Succeeded));

        Assert.Equal(DeliveryStatus.Succeeded, attempt.Status);
        Assert.Null(attempt.RetryIn);
        Assert.Equal(number, attempt.Number);
        Assert.False(attempt.HasConsequences);
    }

    [Fact]
    public void Two_attempts_of_one_delivery_are_never_recorded_in_one_batch()
    {
        var (first, second, other) = (Made(Guid.Empty, 0), Made(Guid.Empty, 1), Made(Guid.NewGuid(), 0));

        Assert.Equal([[first, other], [second]], Recorder.OncePerDelivery([first, second, other]));
        var batch = new List<FinishedAttempt> { first, other };
        Assert.Same(batch, Assert.Single(Recorder.OncePerDelivery(batch)));

        static FinishedAttempt Made(Guid id, int attempts) => new(Delivery(attempts, 0, id), Settings(0), Result(SendOutcome.Succeeded));
    }

    private static List<FinishedAttempt> FailUntilTheEnd(int attempts, int roundStart, double jitter = 0)
    {
        var made = new List<FinishedAttempt>();
        do
        {
            made.Add(new FinishedAttempt(Delivery(attempts++, roundStart), Settings(jitter), Result(SendOutcome.ServerError)));
        }
        while (made[^1].RetryIn is not null);
        return made;
    }

    private static LaneSettings Settings(double jitter) => new(
        Version: 1,
        new SendTarget(new Uri("http://127.0.0.1/"), [], [Secret], TimeSpan.FromSeconds(15), SvixHeaders: true),
        RetryPolicy.Default with { JitterRatio = jitter },
        MaxConcurrency: 1, RequestHeadersId: 0, Ordered: false, RefreshAt: null);

    private static SendResult Result(SendOutcome outcome) => new()
    {
        Outcome = outcome,
        StatusCode = outcome == SendOutcome.Succeeded ? 204 : 500,
        StartedAt = DateTimeOffset.UnixEpoch,
        UnixTimestamp = 0,
        Latency = TimeSpan.Zero,
        Address = null,
        Signature = "",
        ResponseHeaders = null,
        ResponseBody = [],
        ResponseBytes = 0,
        RetryAfter = null,
        Error = null,
    };

    private static Delivery Delivery(int attempts, int roundStart, Guid id = default) => new()
    {
        Id = id,
        EventId = Guid.Empty,
        MessageId = "evt_0",
        Organization = "default",
        Project = null,
        EventType = "a.b",
        Payload = [],
        IntegrationId = Guid.Empty,
        Retention = 0,
        IntegrationVersion = 1,
        Owner = new NodeIdentity(1),
        Attempts = attempts,
        RoundStart = roundStart,
    };
}
