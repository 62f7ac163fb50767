// What is known of an attempt once it has ended: the material of its record.

namespace Dispatcher.Sending;

/// <summary>The end of one attempt. Everything in it is bounded, whatever the receiver did.</summary>
internal sealed record SendResult
{
    /// <summary>How much of an answer's body is kept.</summary>
    public const int MaxKeptBody = 16 * 1024;

    /// <summary>How much text of an answer's headers is kept.</summary>
    public const int MaxKeptHeaders = 16 * 1024;

    public required SendOutcome Outcome { get; init; }

    /// <summary>Null where no answer came.</summary>
    public int? StatusCode { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The Unix seconds that were signed and sent.</summary>
    public required long UnixTimestamp { get; init; }

    /// <summary>From the start to the last byte of the answer, or to the failure.</summary>
    public required TimeSpan Latency { get; init; }

    /// <summary><c>ip:port</c> of the connection that carried the request (the proxy's, behind one); null where none did.</summary>
    public string? Address { get; init; }

    /// <summary>The value of <c>webhook-signature</c>.</summary>
    public required string Signature { get; init; }

    /// <summary>Lines <c>name: value</c>, each ended by a line feed, at most <see cref="MaxKeptHeaders"/> characters of them. Values are
    /// as received; names that HTTP knows are in their usual spelling.</summary>
    public string? ResponseHeaders { get; init; }

    /// <summary>The first <see cref="MaxKeptBody"/> bytes of the answer's body; empty where there was none.</summary>
    public byte[] ResponseBody { get; init; } = [];

    /// <summary>Bytes of the body that were read, kept or not.</summary>
    public long ResponseBytes { get; init; }

    /// <summary>What <c>Retry-After</c> asked for, on 429 and 503 only; not yet capped.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The cause in plain words, one line, without secrets; null on success.</summary>
    public string? Error { get; init; }
}
