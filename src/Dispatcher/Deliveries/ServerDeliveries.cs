// Deliveries of all organizations as one list, for operators.

using Dispatcher.Access;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>
/// No index orders the deliveries of all organizations by time, and none is to be paid for by every delivery: each organization's own order
/// is walked a little way, newest first, and what was found is merged as far down as all have come. A step looks back over as much time as
/// holds the rows that it can look at, whoever they belong to: a busy organization is then walked no less far than the others.
/// </summary>
internal sealed class ServerDeliveries(NpgsqlDataSource source, DeliveryStore deliveries, TimeProvider time)
{
    /// <summary>Longer than a tenant's call may take: each step is one of every organization.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(60);

    /// <summary>Rows that a step looks at, of all organizations together, where each is judged: some tens of milliseconds.</summary>
    private const int RowsPerStep = 8_000;

    /// <summary>
    /// How many times further a step may look back than the one before it. Little, for behind an idle half hour there may be a busy one, and
    /// the step then looks at so many times its rows.
    /// </summary>
    private const double MostWidening = 4;

    /// <summary>One row more than the page asks for, where there is one and it is found in time.</summary>
    /// <param name="organization">Only this one's; null: all.</param>
    /// <param name="query">Which.</param>
    /// <param name="page">The page.</param>
    /// <param name="ct">Cancels.</param>
    public async Task<Stretch<ServerDelivery>> ListAsync(string? organization, DeliveryQuery query, PageQuery page, CancellationToken ct)
    {
        if (organization is null && (query.Integration ?? query.Event) is not null)
        {
            organization = await OwnerAsync(query, ct);
            if (organization is null) return new Stretch<ServerDelivery>([], null);
        }

        if (organization is not null)
        {
            var found = await deliveries.ListAsync(new Tenant(organization, null), query, page, ct);
            return new Stretch<ServerDelivery>(found.Rows.ConvertAll(d => new ServerDelivery(d, organization)), found.Resume);
        }

        var now = time.GetUtcNow();
        var pace = await ServerPace.ReadAsync(source, now, ct);
        // Where everything matches, the page and some more are enough.
        double wanted = ServerWalk.Judges(query) ? RowsPerStep : 4 * (page.Limit + 1), span = wanted;
        return await BoundedSearch.CollectAsync(page, Patience, time, async (after, need) =>
        {
            var walk = new ServerWalk(query, after, need, pace.Before(ServerWalk.TopOf(query, after, now), span), now);
            var (found, seen) = await StepAsync(walk, ct);
            // Of what was counted, not all is in the place that is walked (live, exhausted, not expired): the next step makes up for it.
            span *= Math.Clamp(wanted / Math.Max(1, seen), 1 / MostWidening, MostWidening);
            return found;
        });
    }

    private async Task<(Stretch<ServerDelivery> Found, long Seen)> StepAsync(ServerWalk walk, CancellationToken ct)
    {
        await using var command = walk.ToCommand(source);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var (rows, resume, seen) = (new List<ServerDelivery>(), walk.Below, 0L);
        while (await reader.ReadAsync(ct))
        {
            if (!await reader.IsDBNullAsync(ServerWalk.EdgeColumn, ct)) resume = reader.GetGuid(ServerWalk.EdgeColumn);
            seen = reader.GetInt64(ServerWalk.SeenColumn);
            if (!await reader.IsDBNullAsync(0, ct)) rows.Add(new ServerDelivery(DeliveryStore.View(reader), reader.GetString(ServerWalk.OrganizationColumn)));
        }

        return (new Stretch<ServerDelivery>(rows, resume), seen);
    }

    /// <summary>Whose the integration or the event is that is asked for; null: nobody's.</summary>
    private async Task<string?> OwnerAsync(DeliveryQuery query, CancellationToken ct)
    {
        await using var command = source.CreateCommand(query.Integration is not null
            ? "SELECT organization_id FROM dispatcher.integration WHERE id = $1"
            : "SELECT o.id FROM dispatcher.organization o WHERE EXISTS (SELECT FROM dispatcher.event e WHERE e.organization_id = o.id AND e.id = $1) LIMIT 1");
        command.Parameters.AddWithValue((query.Integration ?? query.Event)!.Value);
        return (string?)await command.ExecuteScalarAsync(ct);
    }
}
