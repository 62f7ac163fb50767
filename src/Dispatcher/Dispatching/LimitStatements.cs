// The statements by which permits and tokens are leased: one call for many lanes (migrations/0002).

using Npgsql;

namespace Dispatcher.Dispatching;

/// <summary>Tokens that were given.</summary>
/// <param name="Tokens">How many.</param>
/// <param name="PerSecond">Of which limit.</param>
/// <param name="FirstAt">The first one's moment, in seconds since 1970 by the database's clock.</param>
internal readonly record struct TokenGrant(int Tokens, int PerSecond, double FirstAt);

internal static class LimitStatements
{
    /// <summary>Tells what is wanted and held; returns what the node may have under way. What has no limit is left out.</summary>
    public static async Task<Dictionary<Guid, int>> LeasePermitsAsync(
        NpgsqlDataSource source, NodeIdentity identity, IEnumerable<NodeIdentity> former, LaneLimits[] lanes, int[] wanted, int[] held, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT integration_id, permits FROM dispatcher.lease_permits($1, $2, $3, $4, $5, $6)");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = identity.Id });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. former.Select(f => f.Id)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(lanes, l => l.Organization) });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = Array.ConvertAll(lanes, l => l.Integration) });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = wanted });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = held });
        var permits = new Dictionary<Guid, int>(lanes.Length);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct)) permits[reader.GetGuid(0)] = reader.GetInt32(1);
        return permits;
    }

    /// <summary>Takes tokens; returns them, and what the database's clock read. What has no limit is left out.</summary>
    public static async Task<(Dictionary<Guid, TokenGrant> Grants, double? Clock)> LeaseTokensAsync(
        NpgsqlDataSource source, (LaneLimits Limits, int Wanted)[] lanes, TimeSpan answerTakes, CancellationToken ct)
    {
        await using var command = source.CreateCommand("SELECT integration_id, granted, rate, first_at, clock FROM dispatcher.lease_tokens($1, $2, $3, $4)");
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = Array.ConvertAll(lanes, l => l.Limits.Organization) });
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = Array.ConvertAll(lanes, l => l.Limits.Integration) });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = Array.ConvertAll(lanes, l => l.Wanted) });
        command.Parameters.Add(new NpgsqlParameter<double> { TypedValue = answerTakes.TotalSeconds });
        var grants = new Dictionary<Guid, TokenGrant>(lanes.Length);
        double? clock = null;
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            grants[reader.GetGuid(0)] = new TokenGrant(reader.GetInt32(1), reader.GetInt32(2), reader.GetDouble(3));
            clock = reader.GetDouble(4);
        }

        return (grants, clock);
    }
}
