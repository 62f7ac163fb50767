// The bundles that workers wait for, oldest first.

namespace Dispatcher.Hangfire;

/// <summary>
/// A worker that waits for a slow target is let go when another bundle needs a worker: the lanes send without it. So targets that hang
/// hold up no bundle, however many they are.
/// </summary>
/// <param name="workers">How many there are.</param>
/// <param name="waiting">How many bundles have none yet.</param>
internal sealed class RunningBundles(int workers, Func<int> waiting)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Bundle> _running = [];

    /// <summary>Waits with a worker for a bundle to end.</summary>
    public async Task WaitForAsync(Bundle bundle, CancellationToken ct)
    {
        LinkedListNode<Bundle> node;
        lock (_gate) node = _running.AddLast(bundle);
        // Another may have begun to wait after this one had its worker, and before that stood here.
        MakeRoom();
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

    /// <summary>Lets as many workers go, the longest waiting first, as are needed for each bundle to have one.</summary>
    public void MakeRoom() => LetGo(keep: Math.Max(0, workers - waiting()));

    /// <summary>Lets all workers go.</summary>
    public void LetAllGo() => LetGo(keep: 0);

    private void LetGo(int keep)
    {
        lock (_gate)
        {
            while (_running.Count > keep && _running.First is { } oldest)
            {
                _running.Remove(oldest);
                oldest.Value.LetGo();
            }
        }
    }
}
