// The tokens of one rate-limited integration that this node has been given: pure arithmetic on times that are passed in.

namespace Dispatcher.Dispatching;

/// <summary>A token: one POST, not before <paramref name="At"/> and not after <paramref name="Until"/>.</summary>
internal readonly record struct RateToken(TimeSpan At, TimeSpan Until);

/// <summary>
/// Tokens are given by the database in batches, each token a period of the rate after the one before it, whichever node that went
/// to. So however many nodes there are, and whatever their shares, their sum is the rate. A token that is not used in time is void:
/// within any span of time the receiver gets no more than the rate times the span and a quarter of a second.
/// <para>Times are those of one monotonic clock. Not thread-safe but for its own lock; does no waiting.</para>
/// </summary>
internal sealed class RateLease(int perSecond)
{
    /// <summary>How long after its moment a token may still be used.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(250);

    /// <summary>How much of the rate is asked for at once.</summary>
    public static readonly TimeSpan Batch = TimeSpan.FromMilliseconds(150);

    /// <summary>How long before the last token's moment more are asked for: the answer should be there by then.</summary>
    public static readonly TimeSpan Lead = TimeSpan.FromMilliseconds(75);

    private readonly Lock _gate = new();
    private readonly Queue<RateToken> _tokens = new();
    private TimeSpan _lastAt = TimeSpan.MinValue;
    private int _usedSinceAsked;

    /// <summary>The limit that the tokens are of.</summary>
    public int PerSecond { get; } = perSecond;

    /// <summary>Takes the next token that can still be used; its moment may lie ahead. False when there is none.</summary>
    public bool TryTake(TimeSpan now, out RateToken token)
    {
        lock (_gate)
        {
            while (_tokens.TryDequeue(out token))
            {
                if (token.Until < now) continue;
                _usedSinceAsked++;
                return true;
            }

            return false;
        }
    }

    /// <summary>
    /// How many tokens to ask for now; 0 where those at hand last for a while. About as many as were used since the last time, twice
    /// over: a node whose receiver is slow must not take tokens from the others only to let them go void.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="waiting">Deliveries that have no token yet.</param>
    /// <param name="entering">How many of them could be sent at once.</param>
    /// <param name="answersTake">How long the database takes to answer: for so much longer the tokens must last.</param>
    public int Wanted(TimeSpan now, int waiting, int entering, TimeSpan answersTake)
    {
        lock (_gate)
        {
            if (_lastAt > TimeSpan.MinValue && _lastAt - now > Lead + answersTake) return 0;
            var want = Math.Min(waiting - _tokens.Count, Math.Max(entering, _usedSinceAsked * 2));
            if (want <= 0) return 0;
            return Math.Clamp(want, 1, Math.Max(1, (int)(PerSecond * (Batch + answersTake).TotalSeconds)));
        }
    }

    /// <summary>Takes in what was given.</summary>
    /// <param name="count">Tokens.</param>
    /// <param name="earliest">The first token's moment, where it may be at the earliest on this node's clock.</param>
    /// <param name="latest">Where it may be at the latest.</param>
    public void Grant(int count, TimeSpan earliest, TimeSpan latest)
    {
        lock (_gate)
        {
            _usedSinceAsked = 0;
            for (var i = 0; i < count; i++)
            {
                var after = TimeSpan.FromSeconds((double)i / PerSecond);
                _lastAt = latest + after;
                // Neither before its moment nor too long after it, wherever between the two it is.
                _tokens.Enqueue(new RateToken(_lastAt, earliest + after + Slack));
            }
        }
    }
}
