// The time limit of one attempt, joined with the server's shutdown.

using System.Collections.Concurrent;

namespace Dispatcher.Sending;

/// <summary>A token that is cancelled when the attempt's time is up or the server stops.</summary>
internal sealed class Deadline : IDisposable
{
    private readonly CancellationTokenSource _source;
    private CancellationTokenRegistration _onShutdown;
    private CancellationToken _shutdown;

    // With a timer from the start, so that setting the time is all that each attempt costs.
    private Deadline(TimeProvider time) => _source = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);

    public CancellationToken Token => _source.Token;

    public bool HasPassed => _source.IsCancellationRequested;

    public void Dispose()
    {
        _onShutdown.Unregister();
        _source.Dispose();
    }

    private void Start(TimeSpan timeout, CancellationToken shutdown)
    {
        _shutdown = shutdown;
        _onShutdown = shutdown.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), _source);
        _source.CancelAfter(timeout);
    }

    // False while the shutdown's callback runs or has run, or the timer has fired: the token is spent.
    private bool TryReset() => (_onShutdown.Unregister() || !_shutdown.CanBeCanceled) && _source.TryReset();

    /// <summary>Deadlines to use again: a token source and its timer would be the dearest things that an attempt makes anew.</summary>
    internal sealed class Pool(TimeProvider time) : IDisposable
    {
        private readonly ConcurrentQueue<Deadline> _idle = new();

        public Deadline Start(TimeSpan timeout, CancellationToken shutdown)
        {
            if (!_idle.TryDequeue(out var deadline)) deadline = new Deadline(time);
            deadline.Start(timeout, shutdown);
            return deadline;
        }

        /// <summary>
        /// Takes a deadline back once nobody can hold on to its token: only after an attempt that ran to the end of its answer.
        /// Any other attempt's deadline is disposed of.
        /// </summary>
        public void Return(Deadline deadline)
        {
            if (deadline.TryReset()) _idle.Enqueue(deadline);
            else deadline.Dispose();
        }

        public void Dispose()
        {
            while (_idle.TryDequeue(out var deadline)) deadline.Dispose();
        }
    }
}
