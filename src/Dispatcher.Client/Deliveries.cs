// What comes from GET /deliveries: one event for one integration, and its attempts.

using System.Text.Json.Serialization;

namespace Dispatcher.Client;

/// <summary>Where a delivery stands.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DeliveryStatus>))]
public enum DeliveryStatus
{
    /// <summary>Waits for its first attempt.</summary>
    [JsonStringEnumMemberName("pending")]
    Pending,

    /// <summary>An attempt is under way.</summary>
    [JsonStringEnumMemberName("delivering")]
    Delivering,

    /// <summary>The receiver took it.</summary>
    [JsonStringEnumMemberName("succeeded")]
    Succeeded,

    /// <summary>An attempt failed; it waits for the next one.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,

    /// <summary>The last attempt failed.</summary>
    [JsonStringEnumMemberName("exhausted")]
    Exhausted,

    /// <summary>Given up by request.</summary>
    [JsonStringEnumMemberName("cancelled")]
    Cancelled,
}

/// <summary>Which deliveries to list; what is <c>null</c> does not narrow the list.</summary>
public sealed record DeliveryQuery
{
    /// <summary>Only this integration's (<c>int_…</c>).</summary>
    public string? Integration { get; init; }

    /// <summary>Only this event's (<c>evt_…</c>).</summary>
    public string? Event { get; init; }

    /// <summary>Only events of this type.</summary>
    public string? Type { get; init; }

    /// <summary>Only those that stand there now.</summary>
    public DeliveryStatus? Status { get; init; }

    /// <summary>Only those created at this time or later.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Only those created before this time.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>How many at most: 1 to 250. Default: 50.</summary>
    public int? Limit { get; init; }

    /// <summary>The <see cref="Page{T}.NextCursor"/> of the page before.</summary>
    public string? Cursor { get; init; }
}

/// <summary>One page of a list, newest first.</summary>
/// <param name="Data">The page.</param>
/// <param name="NextCursor">Where the next page begins; <c>null</c>: this is the last.</param>
public sealed record Page<T>(IReadOnlyList<T> Data, string? NextCursor);

/// <summary>One event for one integration.</summary>
/// <param name="Id"><c>dlv_…</c></param>
/// <param name="Status">Where it stands.</param>
public sealed record Delivery(string Id, DeliveryStatus Status)
{
    /// <summary>The event's id.</summary>
    public string? EventId { get; init; }

    /// <summary>The event's type.</summary>
    public string? EventType { get; init; }

    /// <summary>The integration's id.</summary>
    public string? IntegrationId { get; init; }

    /// <summary>When it was accepted.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When the next attempt is due; <c>null</c>: none is.</summary>
    public DateTimeOffset? NextAttemptAt { get; init; }

    /// <summary>When it reached an end; <c>null</c> before.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>
    /// The attempts made so far, oldest first. Lists leave them out; <see cref="DispatcherClient.GetDeliveryAsync"/> has them.
    /// </summary>
    public IReadOnlyList<DeliveryAttempt>? Attempts { get; init; }
}

/// <summary>One POST to the receiver and what became of it.</summary>
/// <param name="Number">1 for the first.</param>
/// <param name="Outcome">
/// The cause's own name in the server's record, such as <c>succeeded</c>, <c>server_error</c> or <c>dns_failed</c>.
/// </param>
public sealed record DeliveryAttempt(int Number, string Outcome)
{
    /// <summary>When it began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>How long it took, in milliseconds.</summary>
    public double? LatencyMs { get; init; }

    /// <summary>The address that was connected to.</summary>
    public string? Address { get; init; }

    /// <summary>The receiver's HTTP status; <c>null</c>: it gave none.</summary>
    public int? StatusCode { get; init; }

    /// <summary>The cause in words, for an attempt that failed without an answer.</summary>
    public string? Error { get; init; }

    /// <summary>The headers that were sent, secret values masked.</summary>
    public IReadOnlyDictionary<string, string>? RequestHeaders { get; init; }

    /// <summary>The headers of the answer.</summary>
    public IReadOnlyDictionary<string, string>? ResponseHeaders { get; init; }

    /// <summary>The first 16 KiB of the answer's body, as text.</summary>
    public string? ResponseBody { get; init; }
}
