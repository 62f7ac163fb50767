// An attempt that was made, and what follows from it.

using Dispatcher.Retries;
using Dispatcher.Sending;

namespace Dispatcher.Dispatching;

/// <summary>An attempt and its verdict: a final status, or the wait until the next attempt.</summary>
internal sealed class FinishedAttempt
{
    public FinishedAttempt(Delivery delivery, LaneSettings settings, SendResult result)
    {
        (Delivery, Settings, Result) = (delivery, settings, result);
        Number = delivery.Attempts + 1;
        if (result.Outcome == SendOutcome.Succeeded)
        {
            Status = DeliveryStatus.Succeeded;
            return;
        }

        RetryIn = RetrySchedule.DelayAfter(Number - delivery.RoundStart, settings.Retry, Random.Shared.NextDouble(), result.RetryAfter);
        if (RetryIn is null) Status = DeliveryStatus.Exhausted;
    }

    private FinishedAttempt(FinishedAttempt other, SendResult result)
    {
        (Delivery, Settings, Number, Status, RetryIn) = (other.Delivery, other.Settings, other.Number, other.Status, other.RetryIn);
        Result = result;
    }

    public Delivery Delivery { get; }
    public LaneSettings Settings { get; }
    public SendResult Result { get; }

    /// <summary>From 1.</summary>
    public int Number { get; }

    /// <summary><c>succeeded</c> or <c>exhausted</c>; null when there is another attempt to come.</summary>
    public string? Status { get; }

    /// <summary>The wait until that attempt.</summary>
    public TimeSpan? RetryIn { get; }

    /// <summary>Whether recording this needs more than the one statement: it disables the integration, or tells that the delivery is exhausted.</summary>
    public bool HasConsequences => Result.Outcome == SendOutcome.Gone || Status == DeliveryStatus.Exhausted;

    /// <summary>The same verdict on the same attempt, without anything that its receiver has said but the status.</summary>
    /// <param name="note">What the record says instead.</param>
    public FinishedAttempt WithoutAnswer(string note) => new(this, Result with { Address = null, ResponseHeaders = null, ResponseBody = [], Error = note });
}

/// <summary>The status of a delivery as it reads from outside.</summary>
internal static class DeliveryStatus
{
    /// <summary>Waits for its first attempt.</summary>
    public const string Pending = "pending";

    /// <summary>A node has it in memory, to send or sending.</summary>
    public const string Delivering = "delivering";

    /// <summary>Waits for a retry.</summary>
    public const string Failed = "failed";
    public const string Succeeded = "succeeded";

    /// <summary>Its last attempt failed and there will be no further one by itself.</summary>
    public const string Exhausted = "exhausted";
    public const string Cancelled = "cancelled";

    public static readonly string[] Live = [Pending, Delivering, Failed];
    public static readonly string[] All = [Pending, Delivering, Failed, Succeeded, Exhausted, Cancelled];
}
