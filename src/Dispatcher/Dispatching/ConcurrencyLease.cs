// The permits of one integration that this node has been given: how many POSTs it may have under way. No I/O.

namespace Dispatcher.Dispatching;

/// <summary>
/// A node tells the database what it holds, and is answered what it may have from then on. What it holds is the larger of its permits
/// and what it has under way, and it may go down only between two questions, never while one is under way: so the database never
/// gives to others what is still in use here.
/// </summary>
internal sealed class ConcurrencyLease
{
    private readonly Lock _gate = new();
    private int _permits;
    private int _used;
    private int _told;
    private bool _answered;

    /// <summary>How many POSTs may be under way.</summary>
    public int Permits => Volatile.Read(ref _permits);

    /// <summary>How many are.</summary>
    public int Used => Volatile.Read(ref _used);

    /// <summary>Whether the database has said that others have all there are.</summary>
    public bool IsDenied
    {
        get
        {
            lock (_gate) return _answered && _permits == 0;
        }
    }

    /// <summary>Whether the database counts as held here what no longer is: others may be waiting for it.</summary>
    public bool Owes
    {
        get
        {
            lock (_gate) return _told > Math.Max(_permits, _used);
        }
    }

    /// <summary>Whether the database counts something as held here, or this node counts on what it was answered.</summary>
    public bool IsKnown
    {
        get
        {
            lock (_gate) return _told > 0 || _permits > 0 || _answered;
        }
    }

    /// <summary>Whether there is nothing to tell and nothing under way.</summary>
    public bool IsSettled => !IsKnown && Used == 0;

    public bool TryTake()
    {
        lock (_gate)
        {
            if (_used >= _permits) return false;
            _used++;
            return true;
        }
    }

    public void Return()
    {
        lock (_gate) _used--;
    }

    /// <summary>What to tell the database that is held. Until the answer, no more than that may be under way.</summary>
    public int Tell()
    {
        lock (_gate) return _told = Math.Max(_permits, _used);
    }

    /// <summary>Takes in the answer. Returns whether there are permits now that are not in use.</summary>
    public bool Answer(int permits)
    {
        lock (_gate)
        {
            _answered = true;
            _permits = permits;
            // More than was told: the database counts it as held already.
            _told = Math.Max(_told, permits);
            return _permits > _used;
        }
    }

    /// <summary>Holds no more than this: the limit has become lower.</summary>
    public void Lower(int most)
    {
        lock (_gate) _permits = Math.Min(_permits, most);
    }

    /// <summary>Holds nothing from now on but what is under way, and knows nothing of what others have.</summary>
    public void LetGo()
    {
        lock (_gate)
        {
            _permits = 0;
            _answered = false;
        }
    }

    /// <summary>As <see cref="LetGo"/>, where the database has forgotten already what was held here.</summary>
    public void Lose()
    {
        lock (_gate)
        {
            _permits = 0;
            _told = 0;
            _answered = false;
        }
    }
}
