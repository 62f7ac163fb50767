// How a DispatcherClient reaches its server, and how long it insists.

namespace Dispatcher.Client;

/// <summary>Where the server is and who is calling.</summary>
public sealed record DispatcherClientOptions
{
    /// <summary>The server's address, such as <c>http://localhost:8080</c>; a path in it is kept.</summary>
    public required Uri BaseAddress { get; init; }

    /// <summary>An API key; role <c>emitter</c> is enough to publish events and to move jobs.</summary>
    public required string ApiKey { get; init; }

    /// <summary>How long one attempt of a call may take. Default: 30 seconds.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>When a call is tried again.</summary>
    public DispatcherRetryOptions Retry { get; init; } = new();

    /// <summary>The clock of the waits between attempts.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The address alone: a record's usual text would put the key into logs.</summary>
    public override string ToString() => $"DispatcherClientOptions {{ BaseAddress = {BaseAddress} }}";
}

/// <summary>
/// When a call is tried again: after 429, 502, 503, 504, a 409 with <c>Retry-After</c>, a timeout or a broken connection. Every POST
/// carries one <c>Idempotency-Key</c> through all its attempts, so that a second attempt never does a thing twice.
/// </summary>
public sealed record DispatcherRetryOptions
{
    /// <summary>How many times a call is sent at most, the first time included; 1: never again. Default: 4.</summary>
    public int MaxAttempts { get; init; } = 4;

    /// <summary>
    /// The wait after the first failure; it doubles with each further one, and jitter adds up to a quarter. Default: 250 ms.
    /// </summary>
    public TimeSpan BaseDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// The longest wait. A <c>Retry-After</c> beyond it ends the call at once, and the exception tells how long the server asked for.
    /// Default: 30 seconds.
    /// </summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(30);

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAttempts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BaseDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDelay, BaseDelay);
    }

    /// <summary>
    /// The wait after failed attempt <paramref name="attempt"/> (1 for the first); <c>null</c>: give up.
    /// </summary>
    /// <param name="attempt">How many attempts have failed.</param>
    /// <param name="retryAfter">What the server asked for, if it did; never undercut.</param>
    /// <param name="random">0 to 1, the jitter's share.</param>
    internal TimeSpan? DelayAfter(int attempt, TimeSpan? retryAfter, double random)
    {
        if (attempt >= MaxAttempts || retryAfter > MaxDelay)
            return null;

        var backoff = Math.Min(BaseDelay.TotalMilliseconds * Math.Pow(2, attempt - 1), MaxDelay.TotalMilliseconds);
        var jittered = TimeSpan.FromMilliseconds(Math.Min(backoff * (1 + (random / 4)), MaxDelay.TotalMilliseconds));
        return retryAfter > jittered ? retryAfter : jittered;
    }
}
