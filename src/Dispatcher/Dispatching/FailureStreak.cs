// The failures of one lane since its last success, and when they are enough to open its circuit breaker.

using Dispatcher.Platform;
using Polly;
using Polly.CircuitBreaker;

namespace Dispatcher.Dispatching;

/// <summary>
/// Made at a lane's first failure and dropped when that is over, so that lanes that are well have none. Failures count from the
/// moment that nothing has succeeded for a while; then Polly's circuit breaker judges their ratio and number. It only judges: the
/// break itself is shared by all nodes, see <see cref="OpenBreakers"/>.
/// </summary>
internal sealed class FailureStreak(DispatcherOptions.BreakerOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private CircuitBreakerStateProvider? _state;
    private ResiliencePipeline<bool>? _judge;
    private long? _began;
    private long _lastFailure;

    /// <summary>Whether nothing of it matters any more.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
                return _began is null && (_judge is null || time.GetElapsedTime(_lastFailure).TotalSeconds > options.SamplingSeconds);
        }
    }

    /// <summary>An attempt failed that took this long. Returns whether the breaker opens; it says so once, and then begins to count anew.</summary>
    public bool Failed(TimeSpan latency)
    {
        lock (_gate)
        {
            _lastFailure = time.GetTimestamp();
            var started = _lastFailure - (long)(latency.TotalSeconds * time.TimestampFrequency);
            _began = _began is { } began && began < started ? began : started;
            if (time.GetElapsedTime(_began.Value, _lastFailure).TotalSeconds < options.StreakSeconds) return false;

            _judge ??= Make();
            Tell(succeeded: false);
            if (_state!.CircuitState != CircuitState.Open) return false;
            _judge = null;
            return true;
        }
    }

    public void Succeeded()
    {
        lock (_gate)
        {
            _began = null;
            if (_judge is not null) Tell(succeeded: true);
        }
    }

    private void Tell(bool succeeded) => _judge!.Execute(static outcome => outcome, succeeded);

    private ResiliencePipeline<bool> Make() => new ResiliencePipelineBuilder<bool> { TimeProvider = time }
        .AddCircuitBreaker(new CircuitBreakerStrategyOptions<bool>
        {
            FailureRatio = options.FailureRatio,
            MinimumThroughput = options.MinimumFailures,
            SamplingDuration = TimeSpan.FromSeconds(options.SamplingSeconds),
            ShouldHandle = static attempt => ValueTask.FromResult(!attempt.Outcome.Result),
            StateProvider = _state = new CircuitBreakerStateProvider(),
        })
        .Build();
}
