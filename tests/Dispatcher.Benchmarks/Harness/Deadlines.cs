// How long the benchmark waits for anything before it calls it lost.
namespace Dispatcher.Benchmarks.Harness;

internal static class Deadlines
{
    /// <summary>One round of any figure, whatever its size.</summary>
    public static readonly TimeSpan Round = TimeSpan.FromMinutes(15);

    /// <summary>No event received and no row recorded for this long: the rest is not coming.</summary>
    public static readonly TimeSpan Stall = TimeSpan.FromSeconds(30);

    /// <summary>From the start of the server's process to its readiness: migrations included.</summary>
    public static readonly TimeSpan ServerStart = TimeSpan.FromSeconds(60);

    /// <summary>From SIGTERM to the end of the server's process.</summary>
    public static readonly TimeSpan ServerStop = TimeSpan.FromSeconds(30);
}
