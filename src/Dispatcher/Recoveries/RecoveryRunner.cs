// Works tasks off, on every node that sends: a step at a time, of whichever task's turn it is.

using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Recoveries;

internal sealed partial class RecoveryRunner(
    NpgsqlDataSource source, TaskBell bell, Wakeup wakeup, Counters counters, DispatcherOptions options, TimeProvider time, ILogger<RecoveryRunner> logger) : BackgroundService
{
    /// <summary>Steps in a row that may fail before a task is given up.</summary>
    public const int MaxFailures = 10;

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.HasRole("worker")) return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Cancelled in the middle, a step has not happened.
                var result = await RecoveryStep.RunAsync(source, stoppingToken);
                if (result.Queued > 0) Done(result.Task!.Scope, result.Integrations!);
                if (result.Ended) Ended(result.Task!);
                if (result.Wait > TimeSpan.Zero) await bell.SleepAsync(result.Wait, stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                await FailedAsync(e, stoppingToken);
                await Task.Delay(AfterFailure, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>A task whose steps keep failing must not take its turn for ever. A database that is away is nobody's failure.</summary>
    private async Task FailedAsync(Exception error, CancellationToken ct)
    {
        if (error is not RecoveryStepException { Task: var task } || StoreFault.IsUnavailable(error))
        {
            LogStepFailed(error.Message);
            return;
        }

        // Two nodes began two tasks of one integration at the same instant: this one waits its turn.
        if (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "task_running" }) return;
        LogTaskFailed(Name(task), error.Message);
        try
        {
            await using var command = source.CreateCommand(
                """
                UPDATE dispatcher.task SET failures = failures + 1, next_at = now() + interval '1 s' * (failures + 1),
                    status = CASE WHEN failures + 1 < $3 THEN status ELSE 'failed' END,
                    finished_at = CASE WHEN failures + 1 < $3 THEN NULL ELSE now() END,
                    error = CASE WHEN failures + 1 < $3 THEN NULL ELSE $4 END
                WHERE organization_id = $1 AND id = $2 AND finished_at IS NULL
                """);
            command.Parameters.AddWithValue(task.Scope.Organization);
            command.Parameters.AddWithValue(task.Id);
            command.Parameters.AddWithValue(MaxFailures);
            command.Parameters.AddWithValue($"A step failed {MaxFailures} times; the server's log says why. Ask again: what was done is not done twice.");
            await command.ExecuteNonQueryAsync(ct);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            LogStepFailed(e.Message);
        }
    }

    /// <summary>Behind what was cancelled, too, somebody may wait: the next of its ordering key.</summary>
    private void Done(RecoveryScope scope, IReadOnlyList<KeyValuePair<Guid, long>> integrations)
    {
        if (scope.Kind == TaskKind.BulkCancel)
            foreach (var (integration, count) in integrations) counters.Ended(scope.Organization, integration, DeliveryEnd.Cancelled, count);
        wakeup.Tell([.. integrations.Select(i => i.Key)]);
    }

    private void Ended(OpenTask task)
    {
        var (name, scope) = (Name(task), task.Scope);
        LogEnded(scope.Kind, name, scope.Integration == Guid.Empty ? scope.Organization : Ids.Format(Ids.Integration, scope.Integration));
    }

    private static string Name(OpenTask task) => Ids.Format(Ids.Task, task.Id);

    [LoggerMessage(Level = LogLevel.Information, Message = "The {Kind} {Task} of {Scope} has ended")]
    private partial void LogEnded(string kind, string task, string scope);

    [LoggerMessage(Level = LogLevel.Error, Message = "A step of {Task} failed: {Reason}")]
    private partial void LogTaskFailed(string task, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Recover, replay and bulk actions could not go on: {Reason}")]
    private partial void LogStepFailed(string reason);
}
