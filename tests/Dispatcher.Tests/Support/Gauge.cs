// What a receiver sees of limits: how many requests at once, and how many within a span of time.

namespace Dispatcher.Tests.Support;

/// <summary>Has a receiver take its time, and counts the requests that are under way at once.</summary>
internal sealed class Gauge
{
    private readonly Lock _gate = new();

    public Gauge(Receiver receiver, TimeSpan pause) => receiver.Answer = async (_, _, context) =>
    {
        lock (_gate) Highest = Math.Max(Highest, ++Now);
        try
        {
            await Task.Delay(pause, context.RequestAborted);
            context.Response.StatusCode = 204;
        }
        finally
        {
            lock (_gate) Now--;
        }
    };

    public int Now { get; private set; }

    public int Highest { get; private set; }

    public void Reset()
    {
        lock (_gate) Highest = Now;
    }
}

internal static class Rates
{
    /// <summary>The most that happened within any span of this length.</summary>
    public static int Most(IEnumerable<DateTime> moments, TimeSpan span)
    {
        var times = moments.Order().ToList();
        var most = 0;
        for (int from = 0, to = 0; to < times.Count; to++)
        {
            while (times[to] - times[from] > span) from++;
            most = Math.Max(most, to - from + 1);
        }

        return most;
    }

    /// <summary>How many arrived a second, from the first to the last.</summary>
    public static double Overall(IReadOnlyList<Received> posts)
    {
        var times = posts.Select(p => p.At).Order().ToList();
        return (times.Count - 1) / (times[^1] - times[0]).TotalSeconds;
    }
}
