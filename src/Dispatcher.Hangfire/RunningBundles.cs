// The bundles that workers wait for, oldest first.

namespace Dispatcher.Hangfire;

/// <summary>
/// A worker that waits for a slow target is let go when another bundle needs a worker: the lanes send without it. So targets that hang
/// hold up no bundle, however many they are.
/// </summary>
internal sealed class RunningBundles(int workers)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Bundle> _running = [];

    /// <summary>Waits with a worker for a bundle to end.</summary>
    public async Task WaitForAsync(Bundle bundle, CancellationToken ct)
    {
        LinkedListNode<Bundle> node;
        lock (_gate) node = _running.AddLast(bundle);
        try
        {
            await bundle.WaitAsync().WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            lock (_gate)
            {
                if (node.List is not null) _running.Remove(node);
            }
        }
    }

    /// <summary>Lets as many workers go, the longest waiting first, as are needed for so many bundles to have one each.</summary>
    public void MakeRoomFor(int bundles)
    {
        lock (_gate)
        {
            while (_running.First is { } oldest && _running.Count + bundles > workers)
            {
                _running.Remove(oldest);
                oldest.Value.LetGo();
            }
        }
    }
}
