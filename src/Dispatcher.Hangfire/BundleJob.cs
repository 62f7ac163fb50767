// The job that Hangfire's workers run.

using Hangfire.Common;

namespace Dispatcher.Hangfire;

/// <summary>
/// Its arguments are the bundle's id and, by organization, the ids of its deliveries, for who looks at the job: nothing is sent because of
/// them. What a job has sent is what lies in this node's memory under the bundle's id, once.
/// </summary>
internal sealed class BundleJob(BundleHost host)
{
    private static readonly System.Reflection.MethodInfo Method = typeof(BundleJob).GetMethod(nameof(RunAsync))!;

    public static Job Of(Bundle bundle) => new(typeof(BundleJob), Method, bundle.Id, bundle.DeliveryIds(), CancellationToken.None);

    /// <summary>The deliveries of a job by organization, where it is one of ours; else null.</summary>
    public static IReadOnlyDictionary<string, string[]>? DeliveriesOf(Job? job) =>
        job?.Type == typeof(BundleJob) && job.Args is [_, Dictionary<string, string[]> ids, ..] ? ids : null;

    // Public, and with its arguments' names, because Hangfire finds it so.
    public Task<string> RunAsync(Guid bundle, Dictionary<string, string[]> deliveries, CancellationToken stopping) => host.RunAsync(bundle, stopping);
}
