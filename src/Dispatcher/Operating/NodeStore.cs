// Reads which nodes there are.

using System.Globalization;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Operating;

internal sealed class NodeStore(NpgsqlDataSource source)
{
    /// <summary>One row more than the page asks for, where there is one.</summary>
    public async Task<List<NodeView>> ListAsync(PageQuery page, CancellationToken ct)
    {
        var where = new Where().And("n.id < {0}", After(page));
        // The database's clock, which all heartbeats are by.
        await using var command = where.ToCommand(
            source,
            $"""
            SELECT n.id, n.name, n.roles, n.version, n.started_at, n.heartbeat_at, n.in_memory, n.in_flight,
                   n.heartbeat_at > now() - {where.Value(NodeRegistry.DeadAfter)}
            FROM dispatcher.node n WHERE {where} ORDER BY n.id DESC LIMIT {page.Limit + 1}
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<NodeView>();
        while (await reader.ReadAsync(ct))
        {
            var name = reader.GetString(1);
            rows.Add(new NodeView(
                reader.GetInt32(0), name, HostOf(name), reader.GetString(2).Split(',', StringSplitOptions.TrimEntries), reader.GetString(3),
                reader.GetFieldValue<DateTimeOffset>(4), reader.GetFieldValue<DateTimeOffset>(5), reader.GetInt32(6), reader.GetInt32(7), reader.GetBoolean(8)));
        }

        return rows;
    }

    private static int? After(PageQuery page) => page.After is null ? null
        : int.TryParse(page.After, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : throw PageQuery.BadCursor();

    private static string HostOf(string name) => name.LastIndexOf('/') is >= 0 and var slash ? name[..slash] : name;
}
