// Deliveries of all organizations as one list, for operators.

using Dispatcher.Access;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>
/// No index orders the deliveries of all organizations by time, and none is to be paid for by every delivery: each organization's own order
/// is walked a little way, newest first, and what was found is merged as far down as all have come. With many organizations only some days
/// are looked at in a step, because each organization is a probe of each day's partition.
/// </summary>
internal sealed class ServerDeliveries(NpgsqlDataSource source, DeliveryStore deliveries, TimeProvider time)
{
    /// <summary>Longer than a tenant's call may take: each step is one of every organization.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(60);

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

        var (organizations, oldest) = await ExtentAsync(ct);
        var window = ServerWalk.FirstWindow(organizations);
        return await BoundedSearch.CollectAsync(page, Patience, time, async (after, need) =>
        {
            var walk = new ServerWalk(query, after, need, organizations, oldest, window, time.GetUtcNow());
            window *= 2;
            return await StepAsync(walk, ct);
        });
    }

    private async Task<Stretch<ServerDelivery>> StepAsync(ServerWalk walk, CancellationToken ct)
    {
        await using var command = walk.ToCommand(source);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var (rows, resume) = (new List<ServerDelivery>(), walk.Below);
        while (await reader.ReadAsync(ct))
        {
            if (!await reader.IsDBNullAsync(ServerWalk.EdgeColumn, ct)) resume = reader.GetGuid(ServerWalk.EdgeColumn);
            if (!await reader.IsDBNullAsync(0, ct)) rows.Add(new ServerDelivery(DeliveryStore.View(reader), reader.GetString(ServerWalk.OrganizationColumn)));
        }

        return new Stretch<ServerDelivery>(rows, resume);
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

    /// <summary>How many organizations there are, and since when there may be deliveries.</summary>
    private async Task<(int Organizations, DateTimeOffset Oldest)> ExtentAsync(CancellationToken ct)
    {
        await using var command = source.CreateCommand(
            """
            SELECT (SELECT count(*) FROM dispatcher.organization)::integer, (
                SELECT min(dispatcher.partition_day(c.relname))::timestamp AT TIME ZONE 'UTC'
                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'dispatcher.delivery'::regclass)
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return (reader.GetInt32(0), await reader.IsDBNullAsync(1, ct) ? time.GetUtcNow() : await reader.GetFieldValueAsync<DateTimeOffset>(1, ct));
    }
}
