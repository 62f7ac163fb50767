// What becomes of an attempt that the database refuses to record as it is: its delivery must neither be lost nor sent without end.

using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>
/// First the attempt is recorded without what its receiver said: that alone comes from outside. Where that, too, is refused, its row is
/// given back with the attempt counted, due again after the schedule's wait but not before <see cref="Shortest"/>, and after
/// <see cref="Longest"/> where there was to be no further attempt.
/// </summary>
internal sealed partial class Unrecordable(NpgsqlDataSource source, ILogger<Unrecordable> logger)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    // The count stays within what an attempt's number may be.
    private const string GiveBackSql =
        """
        UPDATE dispatcher.queue SET owner = NULL, attempts = least($4, 32766), due_at = now() + $5
        WHERE organization_id = $1 AND id = $2 AND owner = $3 AND attempts = $4 - 1
        """;

    /// <param name="attempt">The attempt.</param>
    /// <param name="refusal">Why the database refused it.</param>
    /// <param name="record">Records a batch.</param>
    /// <param name="ct">Ends the tries.</param>
    /// <exception cref="NpgsqlException">The database did not answer: to be tried again as a whole.</exception>
    public async Task FinishAsync(FinishedAttempt attempt, PostgresException refusal, Func<List<FinishedAttempt>, Task> record, CancellationToken ct)
    {
        var delivery = attempt.Delivery;
        var name = Ids.Format(Ids.Delivery, delivery.Id);
        try
        {
            await record([attempt.WithoutAnswer($"The answer could not be recorded: {refusal.SqlState}")]);
            LogWithoutAnswer(name, refusal.MessageText);
            return;
        }
        catch (PostgresException e) when (!StoreFault.IsUnavailable(e) && !e.IsTransient)
        {
            LogGivenBack(name, e.MessageText);
        }

        await using var command = source.CreateCommand(GiveBackSql);
        command.Parameters.AddWithValue(delivery.Organization);
        command.Parameters.AddWithValue(delivery.Id);
        command.Parameters.AddWithValue(delivery.Owner.Id);
        command.Parameters.AddWithValue(attempt.Number);
        var wait = attempt.RetryIn ?? Longest;
        command.Parameters.AddWithValue(wait > Shortest ? wait : Shortest);
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Delivery}: its attempt is recorded without the receiver's answer, which the database refused: {Reason}")]
    private partial void LogWithoutAnswer(string delivery, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Delivery}: its attempt cannot be recorded, and it will be sent again later: {Reason}")]
    private partial void LogGivenBack(string delivery, string reason);
}
