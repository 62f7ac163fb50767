// Tells a delivery for people: what was tried, what came back, what is still to come, and what can be done.

using System.Globalization;
using Dispatcher.Deliveries;

namespace Dispatcher.Pages.Deliveries;

internal static class DeliveryStory
{
    /// <summary>How much of an answer's body is kept; see the contract of attempts.</summary>
    private const int MaxKeptBody = 16 * 1024;

    public static DeliveryModel Of(DeliveryDetail delivery, DeliveryRow row, byte[]? payload, Outlook? outlook) => new(
        row,
        payload is null ? null : ShownBytes.Of(payload),
        [.. delivery.Attempts.Reverse().Select(AttemptOf)],
        PlanOf(delivery, outlook),
        WaitOf(delivery, outlook),
        delivery.FinishedAt is null && outlook is { IsEnabled: true, IsDeleted: false } ? outlook.BreakerUntil : null,
        ChoicesOf(delivery, outlook));

    private static AttemptModel AttemptOf(AttemptView a) => new(
        $"attempt-{a.Number}-{a.StartedAt.ToUnixTimeMilliseconds()}", a.Number, a.Outcome, Cause.Of(a.Outcome, a.StatusCode), a.StartedAt, a.LatencyMs, a.Address,
        a.StatusCode, a.Error, [.. a.RequestHeaders], a.ResponseHeaders is null ? null : [.. a.ResponseHeaders],
        a.ResponseBytes is { Length: > 0 } body ? ShownBytes.Of(body, IsCut(a, body.Length)) : null);

    /// <summary>Whether there was more of a body than is kept: it fills the room, and its length is not said to be just that.</summary>
    private static bool IsCut(AttemptView attempt, int kept) =>
        kept >= MaxKeptBody && attempt.ResponseHeaders?.GetValueOrDefault("content-length") != MaxKeptBody.ToString(CultureInfo.InvariantCulture);

    private static List<PlannedModel> PlanOf(DeliveryDetail delivery, Outlook? outlook)
    {
        // Read after the delivery: what has made an attempt in between is told at the next look.
        if (outlook is null || delivery.FinishedAt is not null) return [];
        return [.. outlook.Attempts.Select((a, i) => new PlannedModel(
            a.Number, i == 0 && delivery.Status != "delivering" ? delivery.NextAttemptAt : null, a.Delay is { } delay ? Durations.Words(delay) : null))];
    }

    private static string? WaitOf(DeliveryDetail delivery, Outlook? outlook)
    {
        if (delivery.FinishedAt is not null || delivery.Status == "delivering") return null;
        return outlook switch
        {
            null or { IsDeleted: true } => "Its integration was deleted, so it is not sent any more.",
            { IsEnabled: false } => "Its integration is disabled, so nothing is sent. It goes on as soon as the integration is enabled again.",
            { WaitsForTurn: true } => "Another delivery with the same ordering key comes first. It goes on when that one has ended.",
            { BreakerUntil: not null } => "The endpoint has failed again and again, so nothing is sent to it for a while; waiting uses up no attempts.",
            _ => null,
        };
    }

    private static DeliveryChoices ChoicesOf(DeliveryView delivery, Outlook? outlook)
    {
        var canSend = outlook is { IsEnabled: true, IsDeleted: false };
        var (retry, confirm) = delivery.Status switch
        {
            "failed" => ("Retry now", null),
            "exhausted" or "cancelled" => ("Retry", null),
            "succeeded" => ("Send again", "The endpoint has taken this event already. Send it again, with the same webhook-id?"),
            "pending" when outlook?.BreakerUntil is not null => ("Try now", null),
            _ => ((string?)null, (string?)null),
        };
        return new(canSend ? retry : null, confirm, delivery.Status is "pending" or "failed" or "delivering");
    }
}
