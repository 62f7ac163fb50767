// Wakes the runner of recover and replay, when something was asked for here or on another node.

namespace Dispatcher.Dispatching;

/// <summary>A bell for one sleeper. A ring while it is awake is not lost.</summary>
internal sealed class TaskBell : IDisposable
{
    private readonly SemaphoreSlim _bell = new(0, 1);
    private readonly Lock _gate = new();

    public void Ring()
    {
        lock (_gate)
        {
            if (_bell.CurrentCount == 0) _bell.Release();
        }
    }

    /// <summary>Sleeps until rung, or for the time given.</summary>
    public Task SleepAsync(TimeSpan atMost, CancellationToken ct) =>
        _bell.WaitAsync(TimeSpan.FromMilliseconds(Math.Ceiling(atMost.TotalMilliseconds)), ct);

    public void Dispose() => _bell.Dispose();
}
