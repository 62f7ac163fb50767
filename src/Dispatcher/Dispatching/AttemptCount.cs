// Counts attempts once they are durable.

using Dispatcher.Sending;
using Dispatcher.Statistics;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// Hands a recorded batch to the counters and to the watch over failures. A batch that has to be recorded again was not counted
/// before; so each attempt counts once, and each delivery's end once.
/// </summary>
internal sealed class AttemptCount(Counters counters, FailureWatch failures)
{
    // An orphan is an attempt of a delivery that has gone on without it, and so did not end it. Or an earlier try at recording it went
    // through after all: then the delivery has this very attempt for its last.
    private const string EndedSql =
        """
        SELECT d.id FROM unnest($1, $2, $3) AS o (organization_id, id, started_at)
        JOIN dispatcher.delivery d ON d.organization_id = o.organization_id AND d.id = o.id
        WHERE d.last_started_at = o.started_at
        """;

    /// <param name="batch">Is durable.</param>
    /// <param name="orphans">The deliveries whose rows were no longer this node's.</param>
    /// <param name="connection">Open.</param>
    /// <param name="ct">Cancels, and then nothing has been counted.</param>
    public async Task AddAsync(List<FinishedAttempt> batch, HashSet<Guid> orphans, NpgsqlConnection connection, CancellationToken ct)
    {
        var notEnded = orphans;
        if (orphans.Count > 0) notEnded = [.. orphans.Except(await EndedAsync(batch.FindAll(a => orphans.Contains(a.Delivery.Id)), connection, ct))];
        foreach (var attempt in batch)
        {
            var delivery = attempt.Delivery;
            failures.Saw(attempt);
            var end = attempt.Status is null || notEnded.Contains(delivery.Id) ? DeliveryEnd.None
                : attempt.Result.Outcome == SendOutcome.Succeeded ? DeliveryEnd.Succeeded : DeliveryEnd.Exhausted;
            counters.Attempt(delivery.Organization, delivery.IntegrationId, attempt.Result.Outcome, attempt.Result.Latency, end);
        }
    }

    private static async Task<List<Guid>> EndedAsync(List<FinishedAttempt> orphans, NpgsqlConnection connection, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(EndedSql, connection);
        command.Parameters.AddWithValue(orphans.ConvertAll(a => a.Delivery.Organization).ToArray());
        command.Parameters.AddWithValue(orphans.ConvertAll(a => a.Delivery.Id).ToArray());
        command.Parameters.AddWithValue(orphans.ConvertAll(a => a.Result.StartedAt).ToArray());
        var ended = new List<Guid>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) ended.Add(reader.GetGuid(0));
        return ended;
    }
}
