// Clears the queues of nodes that have gone.

using Hangfire;
using Hangfire.Server;
using Hangfire.States;
using Hangfire.Storage;

namespace Dispatcher.Hangfire;

/// <summary>
/// A node's bundles are in its memory, so nobody else can run their jobs; their deliveries are claimed anew by others. What is left is
/// to say so in the jobs, and to take them out of a queue that nobody reads.
/// </summary>
internal sealed class OrphanedBundles(IBackgroundJobClient client) : IBackgroundProcess
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FetchPatience = TimeSpan.FromMilliseconds(500);

    private HashSet<string> _suspects = [];

    public void Execute(BackgroundProcessContext context)
    {
        var monitoring = context.Storage.GetMonitoringApi();
        var queues = monitoring.Queues().Select(q => q.Name).Where(name => name.StartsWith(BundleHost.QueuePrefix, StringComparison.Ordinal)).ToHashSet();
        // After the queues: a node says which queue it reads before it enqueues anything, or a moment later.
        queues.ExceptWith(monitoring.Servers().SelectMany(s => s.Queues));
        // Twice in a row, because of that moment.
        foreach (var queue in queues.Where(_suspects.Contains)) Clear(queue, context);
        _suspects = queues;
        context.Wait(Every);
    }

    private void Clear(string queue, BackgroundProcessContext context)
    {
        using var connection = context.Storage.GetConnection();
        while (Fetch(connection, queue, context.StoppingToken) is { } fetched)
        {
            using (fetched)
            {
                client.ChangeState(fetched.JobId, new DeletedState { Reason = $"Its node has gone: others deliver what \"{queue}\" had" });
                fetched.RemoveFromQueue();
            }
        }
    }

    /// <summary>The next job of a queue; null when there is none that nobody runs.</summary>
    private static IFetchedJob? Fetch(IStorageConnection connection, string queue, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(FetchPatience);
        try
        {
            return connection.FetchNextJob([queue], patience.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
