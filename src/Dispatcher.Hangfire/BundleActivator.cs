// Gives Hangfire's workers the job to run: the one of their own process.

using Hangfire;

namespace Dispatcher.Hangfire;

internal sealed class BundleActivator(BundleJob job) : JobActivator
{
    public override object ActivateJob(Type jobType) =>
        jobType == typeof(BundleJob) ? job : throw new InvalidOperationException($"Dispatcher's Hangfire server runs bundles of deliveries only, not {jobType}.");
}
