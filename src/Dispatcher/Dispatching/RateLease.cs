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
    public int Wanted(TimeSpan now, int waiting, int entering)
    {
        lock (_gate)
        {
            if (_lastAt > TimeSpan.MinValue && _lastAt - now > Lead) return 0;
            var want = Math.Min(waiting - _tokens.Count, Math.Max(entering, _usedSinceAsked * 2));
            if (want <= 0) return 0;
            return Math.Clamp(want, 1, Math.Max(1, (int)(PerSecond * Batch.TotalSeconds)));
        }
    }

    /// <summary>Takes in what was given.</summary>
    /// <param name="count">Tokens.</param>
    /// <param name="firstIn">From the moment of the database's answer to the first token's, negative where that lies behind.</param>
    /// <param name="asked">When the question was sent: the database answered no earlier than this.</param>
    /// <param name="answered">When the answer came: the database answered no later.</param>
    public void Grant(int count, TimeSpan firstIn, TimeSpan asked, TimeSpan answered)
    {
        lock (_gate)
        {
            _usedSinceAsked = 0;
            for (var i = 0; i < count; i++)
            {
                var moment = firstIn + TimeSpan.FromSeconds((double)i / PerSecond);
                // Never before its moment, nor too long after it, whenever it was that the database answered. Where the answer
                // took as long as that, tokens are still good for a little.
                _lastAt = answered + moment;
                var until = asked + moment + Slack;
                _tokens.Enqueue(new RateToken(_lastAt, until < _lastAt + (Slack / 5) ? _lastAt + (Slack / 5) : until));
            }
        }
    }
}
