// The statement that keeps ordered lanes moving: one call of dispatcher.pass_turns (migrations/0005).

using Npgsql;

namespace Dispatcher.Dispatching;

internal static class TurnStatement
{
    /// <summary>How many notes of one integration a call reads: what bounds its time, and for how long it keeps others waiting.</summary>
    private const int MaxNotesPerIntegration = 1000;

    /// <summary>
    /// Gives the turn to the next of each ordering key where nobody has it, so that a claim finds it. In a transaction of its own,
    /// before the claim. Returns whether to call again at once.
    /// </summary>
    public static async Task<bool> ExecuteAsync(NpgsqlDataSource source, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT dispatcher.pass_turns($1)");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = MaxNotesPerIntegration });
        return (bool)(await command.ExecuteScalarAsync(ct))!;
    }
}
