// What follows from some attempts beyond their record: a receiver that is gone, or has failed for too long, disables its
// integration, which the audit trail notes; a last failure is told. What is told are ordinary events. All is made in the transaction
// that it follows from: never one without the other.

using Dispatcher.Auditing;
using Dispatcher.Intake;
using Dispatcher.Sending;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Dispatching;

internal sealed class Consequences(NpgsqlDataSource source, Wakeup wakeup, Counters counters, TimeProvider time)
{
    /// <summary>Makes what follows from attempts that have consequences; returns the events, to be handed to <see cref="Committed"/> after the commit.</summary>
    public async Task<AcceptedBatch?> FollowAsync(
        List<FinishedAttempt> attempts, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var events = new List<NewEvent>();
        var gone = attempts.FindAll(a => a.Result.Outcome == SendOutcome.Gone).ConvertAll(a => a.Delivery);
        if (gone.Count > 0)
        {
            var disabled = await DisableStatement.GoneAsync(gone, now, connection, transaction, ct);
            await NoteAsync(disabled, DisableStatement.GoneReason, connection, transaction, ct);
            var told = gone.Where(d => !SystemEvents.IsOne(d.EventType)).Select(d => d.IntegrationId).ToHashSet();
            events.AddRange(disabled.Where(d => told.Contains(d.Id)).Select(d => SystemEvents.Disabled(d, DisableStatement.GoneReason, now)));
        }

        events.AddRange(attempts
            .Where(a => a.Status == DeliveryStatus.Exhausted && !SystemEvents.IsOne(a.Delivery.EventType))
            .Select(a => SystemEvents.Exhausted(a, now)));
        return await EmitAsync(events, connection, transaction, ct);
    }

    /// <summary>Disables what has failed for the span given; returns what was disabled by this call.</summary>
    /// <param name="failed">Which, and when they last failed.</param>
    /// <param name="quiet">Those of them that only failed to take events of the server itself: nobody is told.</param>
    /// <param name="span">How long they must have failed.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<List<DisabledIntegration>> DisableFailingAsync(
        List<FailedIntegration> failed, IReadOnlySet<Guid> quiet, TimeSpan span, CancellationToken ct)
    {
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var now = time.GetUtcNow();
        var disabled = await DisableStatement.FailingAsync(failed, span, now, connection, transaction, ct);
        await NoteAsync(disabled, DisableStatement.FailingReason, connection, transaction, ct);
        var events = disabled.FindAll(d => !quiet.Contains(d.Id)).ConvertAll(d => SystemEvents.Disabled(d, DisableStatement.FailingReason, now));
        var emitted = await EmitAsync(events, connection, transaction, ct);
        await transaction.CommitAsync(ct);
        if (emitted is not null) Committed(emitted);
        return disabled;
    }

    /// <summary>Has the emitted events counted and sent.</summary>
    public void Committed(AcceptedBatch emitted)
    {
        emitted.CountIn(counters);
        if (emitted.Unowned.Length > 0) wakeup.Tell(emitted.Unowned);
    }

    private Task NoteAsync(
        List<DisabledIntegration> disabled, string reason, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct) =>
        AuditStatement.InsertAsync(
            disabled.Select(d => AuditContext.OfServer(d.Organization, time)
                .Entry(AuditAction.IntegrationDisabled, AuditTarget.Integration(d.Id), d.Project, new() { ["reason"] = reason })),
            connection, transaction, ct);

    private static async Task<AcceptedBatch?> EmitAsync(
        List<NewEvent> events, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        if (events.Count == 0) return null;
        // Left to a claim: consequences are rare, and so the transaction's end decides alone whether they are sent.
        using var nobody = new Holding(null, 0, []);
        return await AcceptStatement.ExecuteAsync(events, nobody, connection, transaction, ct);
    }
}
