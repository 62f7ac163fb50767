// What Hangfire does about each change of a bundle job's state. Of its defaults, those are left out that cost statements and serve nothing
// here: the culture of whoever enqueued (two rows and two reads a job) and continuations (a read at each end).

using Hangfire;
using Hangfire.Common;
using Hangfire.States;
using Hangfire.Storage;

namespace Dispatcher.Hangfire;

internal static class BundleFilters
{
    /// <summary>How long the job of a finished bundle is kept. Its deliveries are kept apart from it, for as long as the retention says.</summary>
    public static readonly TimeSpan FinishedKept = TimeSpan.FromMinutes(10);

    /// <summary>For the client, the workers and the dashboard of a process. Not Hangfire's global ones, which all servers of a process share.</summary>
    public static readonly IJobFilterProvider All = new JobFilterCollection
    {
        // Only a bundle that could not be run at all fails: deliveries have a schedule of their own, which is the engine's.
        new AutomaticRetryAttribute { Attempts = 3, DelaysInSeconds = [1, 5, 15] },
        // Two rows in a transaction that there is anyway: the dashboard's history.
        new StatisticsHistoryAttribute(),
        new Expiry(),
    };

    private sealed class Expiry : IApplyStateFilter
    {
        public void OnStateApplied(ApplyStateContext context, IWriteOnlyTransaction transaction) => context.JobExpirationTimeout = FinishedKept;

        public void OnStateUnapplied(ApplyStateContext context, IWriteOnlyTransaction transaction)
        {
            // Nothing: only how long a job is kept is decided here.
        }
    }
}
