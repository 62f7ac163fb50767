// A clock that stands still and keeps a list of the waits that were asked of it.

using System.Collections.Concurrent;

namespace Dispatcher.Tests.Client;

/// <summary>Its time never moves. Its timers go off at once, or never.</summary>
internal sealed class ProbeTime(bool timersFire, DateTimeOffset? now = null) : TimeProvider
{
    private static readonly DateTimeOffset SomeDay = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Every wait that was begun, in order.</summary>
    public ConcurrentQueue<TimeSpan> Waits { get; } = new();

    /// <summary>Completes when the first wait begins.</summary>
    public Task Waiting => _waiting.Task.WaitAsync(TimeSpan.FromSeconds(20));

    public override DateTimeOffset GetUtcNow() => now ?? SomeDay;

    public override long GetTimestamp() => 0;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Waits.Enqueue(dueTime);
        _waiting.TrySetResult();
        if (timersFire)
            ThreadPool.QueueUserWorkItem(_ => callback(state));
        return new Timer();
    }

    private sealed class Timer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
