// The statement that lists deliveries of all organizations, a bounded step at a time.

using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>
/// One step of the search. Of each organization the live and the finished deliveries are walked newest first, so many rows at most; the step ends
/// at the newest id at which one of these walks stopped with more to come ("edge"), or at the end of its window of time. The forms are those of <see cref="DeliveryWalk"/>, for the same reasons.
/// </summary>
internal sealed class ServerWalk
{
    public const int OrganizationColumn = 11;
    public const int EdgeColumn = 12;

    public const int SeenColumn = 13;

    /// <summary>Clocks of nodes that accept may be ahead. Beyond this there are only partitions that wait for their day.</summary>
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(1);

    private readonly DeliveryQuery _query;
    private readonly Guid? _after;
    private readonly int _need;
    private readonly int _length;
    private readonly DateTimeOffset? _since;
    private readonly DateTimeOffset _until;
    private readonly Where _parameters = new();

    /// <param name="query">Which; without an integration and an event, which lead to one organization.</param>
    /// <param name="after">Only ids below this; null: from the newest on.</param>
    /// <param name="need">Rows to find.</param>
    /// <param name="down">How far back this step looks; null: to the oldest.</param>
    /// <param name="now">The time.</param>
    public ServerWalk(DeliveryQuery query, Guid? after, int need, DateTimeOffset? down, DateTimeOffset now)
    {
        (_query, _after, _need) = (query, after, need);
        // Where everything matches, there is no need to look further than the page.
        _length = Judges(query) ? Math.Max(need, BoundedSearch.Step) : need;
        _until = query.Until < now + Ahead ? query.Until.Value : now + Ahead;
        _since = query.Since;
        if (down is not { } end || end <= query.Since) return;
        _since = end;
        Below = Ids.Floor(end);
    }

    /// <summary>Where the next step begins when this one finds the end of its window; null: there is nothing below.</summary>
    public Guid? Below { get; }

    /// <summary>Whether rows have to be looked at to see whether they match.</summary>
    public static bool Judges(DeliveryQuery query) => query.Type is not null || query.Status is not (null or DeliveryStatus.Exhausted or DeliveryStatus.Cancelled);

    /// <summary>Where a step begins: at the cursor, or at what is newest of what is asked for.</summary>
    public static DateTimeOffset TopOf(DeliveryQuery query, Guid? after, DateTimeOffset now)
    {
        var newest = query.Until < now ? query.Until.Value : now;
        // A cursor of a caller's own making may lie in a future that no clock shows.
        return after is { } id && Ids.TimeOf(id) < newest ? Ids.TimeOf(id) : newest;
    }

    public NpgsqlCommand ToCommand(NpgsqlDataSource source)
    {
        var (live, finished) = (DeliveryWalk.HasLive(_query), _query.Status is null || !DeliveryWalk.HasLive(_query));
        var walks = new List<string>();
        var reads = new List<string>();
        if (live)
        {
            walks.Add(Walk("dispatcher.queue", "q", Range("q"), LiveRest()));
            reads.Add(Read("q", DeliveryWalk.LiveColumns, DeliveryWalk.LiveTables));
        }

        if (finished)
        {
            walks.Add(Walk("dispatcher.delivery", "d", FinishedRange(), FinishedRest()));
            reads.Add(Read("d", DeliveryWalk.FinishedColumns, DeliveryWalk.FinishedTables));
        }

        return _parameters.ToCommand(
            source,
            $"""
            WITH walked AS MATERIALIZED ({string.Join(" UNION ALL ", walks)}),
            edge AS MATERIALIZED (SELECT id FROM walked WHERE n = {_length} ORDER BY id DESC LIMIT 1),
            found AS MATERIALIZED (
                SELECT * FROM walked w WHERE w.matches AND w.id >= coalesce((SELECT id FROM edge), '00000000-0000-0000-0000-000000000000')
                ORDER BY w.id DESC LIMIT {_parameters.Value(_need)})
            SELECT r.*, (SELECT id FROM edge), (SELECT count(*) FROM walked) FROM (VALUES (1)) one LEFT JOIN ({string.Join(" UNION ALL ", reads)}) r ON true ORDER BY r.id DESC
            """);
    }

    private string Walk(string table, string alias, Where range, Where rest) =>
        $"""
        SELECT o.id AS organization_id, w.* FROM dispatcher.organization o CROSS JOIN LATERAL (
            SELECT {alias}.id, coalesce({rest}, false) AS matches, '{alias}' AS place, row_number() OVER (ORDER BY {alias}.id DESC) AS n FROM (
                SELECT * FROM {table} {alias} WHERE {alias}.organization_id = o.id AND {range} ORDER BY {alias}.id DESC LIMIT {_length}) {alias}) w
        """;

    private static string Read(string alias, string columns, string tables) =>
        $"""
        SELECT f.*, x.organization_id FROM found x
        CROSS JOIN LATERAL (SELECT {columns} FROM {tables} WHERE {alias}.organization_id = x.organization_id AND {alias}.id = x.id LIMIT 1) f
        WHERE x.place = '{alias}'
        """;

    private Where Range(string alias) => new Where(_parameters).AndIds(alias, _since, _until, _after);

    private Where LiveRest()
    {
        var rest = new Where(_parameters);
        if (_query.Status is not null) rest.And($"{DeliveryWalk.LiveStatus} = '{DeliveryWalk.OwnName(_query.Status)}'");
        return rest.And("(SELECT e.type FROM dispatcher.event e WHERE e.organization_id = q.organization_id AND e.id = q.event_id) = {0}", _query.Type);
    }

    private Where FinishedRange()
    {
        var range = Range("d");
        return _query.Status is null or DeliveryStatus.Succeeded ? range : range.And($"d.status = '{DeliveryWalk.OwnName(_query.Status)}'");
    }

    private Where FinishedRest()
    {
        var rest = new Where(_parameters).And("d.event_type = {0}", _query.Type);
        return _query.Status == DeliveryStatus.Succeeded ? rest.And("d.status = 'succeeded'") : rest;
    }
}
