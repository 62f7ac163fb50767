// How large a request body may be, how much of all bodies is held at once, and how long one may take.

namespace Dispatcher.Platform;

/// <summary>The most bytes that an endpoint takes as a body, as endpoint metadata.</summary>
internal sealed record BodyLimit(int Bytes)
{
    /// <summary>Bodies of resources are small; events have limits of their own.</summary>
    public const int DefaultBytes = 512 * 1024;

    public static int Of(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<BodyLimit>()?.Bytes ?? DefaultBytes;

    public static ProblemException Exceeded(int bytes) => Problem.TooLarge($"The body is larger than {bytes} bytes.").AsException();
}

/// <summary>
/// The bytes of request bodies that this node holds. Bodies are read whole, so a client that sends slowly holds what it has sent for as
/// long as it takes; both have a bound here.
/// </summary>
internal sealed class BodyBudget(DispatcherOptions options, TimeProvider time)
{
    private readonly long _most = options.Api.MaxBodyMegabytes * 1024L * 1024;
    private readonly TimeSpan _patience = TimeSpan.FromSeconds(options.Api.BodyTimeoutSeconds);
    private long _held;

    /// <summary>What is held now.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <exception cref="ProblemException">503: with these bytes there would be too many.</exception>
    public void Take(int bytes)
    {
        if (Interlocked.Add(ref _held, bytes) <= _most) return;
        Give(bytes);
        throw new ProblemException(Problem.Overloaded(
            "This node holds as many bytes of request bodies as it may (Dispatcher:Api:MaxBodyMegabytes). Nothing was done; try again later."))
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    public void Give(int bytes) => Interlocked.Add(ref _held, -bytes);

    /// <summary>Begins the time that a body may take, for one that is not there yet.</summary>
    public BodyDeadline StartDeadline(CancellationToken aborted) => new(_patience, time, aborted);
}

/// <summary>The end of the time that a body may take, or of the request.</summary>
internal sealed class BodyDeadline : IDisposable
{
    private readonly CancellationTokenSource _late;
    private readonly CancellationTokenSource _either;
    private readonly TimeSpan _patience;
    private readonly CancellationToken _aborted;

    public BodyDeadline(TimeSpan patience, TimeProvider time, CancellationToken aborted)
    {
        _patience = patience;
        _aborted = aborted;
        _late = new CancellationTokenSource(patience, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_late.Token, aborted);
    }

    public CancellationToken Token => _either.Token;

    public bool HasPassed => _late.IsCancellationRequested && !_aborted.IsCancellationRequested;

    public ProblemException Exceeded() =>
        Problem.TooSlow($"The body did not arrive within {_patience.TotalSeconds:0.###} seconds (Dispatcher:Api:BodyTimeoutSeconds).").AsException();

    public void Dispose()
    {
        _either.Dispose();
        _late.Dispose();
    }
}
