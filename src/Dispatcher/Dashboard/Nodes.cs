// Which processes there are, and what each has in hand.

using Dispatcher.Operating;
using Dispatcher.Pages;
using Dispatcher.Platform;

namespace Dispatcher.Dashboard;

/// <summary>A process that is registered as a node.</summary>
public sealed record NodeLine(
    int Id, string Name, IReadOnlyList<string> Roles, string Version, DateTimeOffset StartedAt, DateTimeOffset HeartbeatAt, int InMemory, int InFlight, bool IsLive);

/// <summary>The nodes.</summary>
public sealed record NodesModel(IReadOnlyList<NodeLine> Lines, string? NextCursor, bool IsFirst);

internal static class Nodes
{
    public static void MapNodes(this RouteGroupBuilder pages) => pages.MapGet("/nodes", Show);

    private static async Task<PageResult<NodesPage, NodesModel>> Show(PageQuery page, NodeStore nodes, CancellationToken ct)
    {
        var found = Page<NodeView>.Of(await nodes.ListAsync(page, ct), page, n => n.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return new(new NodesModel(
            [.. found.Data.Select(n => new NodeLine(n.Id, n.Name, n.Roles, n.Version, n.StartedAt, n.HeartbeatAt, n.InMemory, n.InFlight, n.Live))],
            found.NextCursor, page.After is null));
    }
}
