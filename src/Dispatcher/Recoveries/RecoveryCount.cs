// Counts what a task will send, a stretch at a time.

using Npgsql;

namespace Dispatcher.Recoveries;

/// <summary>How far a count has come.</summary>
/// <param name="To">The last id counted; null once all is.</param>
/// <param name="Total">What was found so far.</param>
internal readonly record struct RecoveryCount(Guid? To, long Total)
{
    // A stretch takes some tens of milliseconds: index entries for the one, events with two look-ups for the other.
    private const int Deliveries = 50_000;
    private const int Events = 20_000;

    // Of bulk actions: rows of up to six places, each of which may have to be read whole.
    private const int OfBulk = 5_000;

    /// <summary>How long a caller waits for the count; a span that takes longer is counted by the task itself.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>As <see cref="Patience"/>, for bulk actions: a page asks for the count before it asks whether that is meant.</summary>
    private static readonly TimeSpan BulkPatience = TimeSpan.FromMilliseconds(100);

    /// <summary>Counts from an id on, for as long as a caller waits.</summary>
    public static async Task<RecoveryCount> BeginAsync(RecoveryScope scope, Guid first, NpgsqlDataSource source, TimeProvider time, CancellationToken ct)
    {
        var (began, patience) = (time.GetTimestamp(), scope.Filter is null ? Patience : BulkPatience);
        var count = new RecoveryCount(first, 0);
        await using var connection = await source.OpenConnectionAsync(ct);
        do
        {
            await using var transaction = await connection.BeginTransactionAsync(ct);
            count = await count.NextAsync(scope, connection, transaction, ct);
            await transaction.CommitAsync(ct);
        }
        while (count.To is not null && time.GetElapsedTime(began) < patience);

        return count;
    }

    /// <summary>Counts the next stretch, in the caller's transaction.</summary>
    public async Task<RecoveryCount> NextAsync(RecoveryScope scope, NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken ct)
    {
        if (To is not { } after) return this;
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var setting in RecoveryStatements.PlanFor(scope.Kind)) batch.BatchCommands.Add(setting);
        batch.BatchCommands.Add(RecoveryStatements.Count(scope, after, LengthFor(scope)));
        await using var reader = await batch.ExecuteReaderAsync(ct);
        var stretch = await RecoveryStatements.ReadAsync(reader, ct);
        return new RecoveryCount(stretch.Last, Total + stretch.Found);
    }

    private static int LengthFor(RecoveryScope scope) => scope.Filter is not null ? OfBulk : scope.Kind == TaskKind.Recover ? Deliveries : Events;
}
