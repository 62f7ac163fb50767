// The system's name resolution, kept away from the thread pool.

using System.Net;

namespace Dispatcher.Sending;

/// <summary>
/// Resolves names by the system's resolver. That one blocks a thread for as long as the name's servers stay silent, and on the
/// thread pool a few dead names would hold up everybody's deliveries: so each lookup has a thread of its own, and those who ask
/// for the same name at the same time share one.
/// </summary>
internal sealed class NameResolver
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<IPAddress[]>> _running = new(StringComparer.OrdinalIgnoreCase);

    public Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (!_running.TryGetValue(host, out var lookup))
            {
                lookup = Task.Factory.StartNew(
                    () => Resolve(host), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                _running.Add(host, lookup);
            }

            return lookup.WaitAsync(cancellationToken);
        }
    }

    private IPAddress[] Resolve(string host)
    {
        try
        {
            return Dns.GetHostAddresses(host);
        }
        finally
        {
            lock (_lock) _running.Remove(host);
        }
    }
}
