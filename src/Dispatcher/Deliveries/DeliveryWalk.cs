// The statement that lists deliveries: live ones from the queue and finished ones from the archive, as one list, a bounded step at a time.

using Dispatcher.Access;
using Dispatcher.Dispatching;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Deliveries;

/// <summary>
/// One step of the search. Each part walks one index newest first (of the integration, of what went wrong, of ids), looks at
/// <see cref="BoundedSearch.Step"/> rows at most, and reads in full only those that match. What the index does not answer is judged row by
/// row. The forms that look roundabout (LIMIT inside, LIMIT 1, a subquery for the event) leave the planner no other order of doing things:
/// its estimates of how soon a filter finds enough are what makes such lists slow.
/// </summary>
internal sealed class DeliveryWalk
{
    /// <summary>Whether the row matches; one that does not is there for <see cref="LastColumn"/>.</summary>
    public const int MatchesColumn = 11;

    /// <summary>Whether the row is the last that its part looked at, with more to come.</summary>
    public const int LastColumn = 12;

    public const string LiveStatus =
        "CASE WHEN q.owner IS NOT NULL THEN 'delivering' WHEN q.attempts > q.round_start THEN 'failed' ELSE 'pending' END";

    public const string LiveColumns =
        $"""
        q.id, q.event_id, e.type, q.integration_id, e.project,
        {LiveStatus} AS status,
        q.attempts, a.outcome, a.status_code, nullif(q.due_at, 'infinity'), NULL::timestamptz
        """;

    public const string LiveTables =
        """
        dispatcher.queue q
        JOIN dispatcher.event e ON e.organization_id = q.organization_id AND e.id = q.event_id
        LEFT JOIN LATERAL (
            SELECT a.outcome, a.status_code FROM dispatcher.attempt a
            WHERE a.organization_id = q.organization_id AND a.delivery_id = q.id ORDER BY a.number DESC LIMIT 1) a ON q.attempts > 0
        """;

    public const string FinishedColumns =
        """
        d.id, d.event_id, d.event_type, d.integration_id, d.project, d.status, greatest(d.attempts, a.number),
        coalesce(d.last_outcome, a.outcome), coalesce(d.last_status_code, a.status_code), NULL::timestamptz, d.finished_at
        """;

    // A cancelled delivery has no attempt inline, and one that was under way is recorded after it.
    public const string FinishedTables =
        """
        dispatcher.delivery d
        LEFT JOIN LATERAL (
            SELECT a.number, a.outcome, a.status_code FROM dispatcher.attempt a
            WHERE a.organization_id = d.organization_id AND a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1) a ON d.status = 'cancelled'
        """;

    /// <summary>How many live deliveries an integration has, up to what a step looks at.</summary>
    public static readonly string LaneLengthSql =
        $"SELECT count(*) FROM (SELECT FROM dispatcher.queue q WHERE q.integration_id = $1 ORDER BY q.due_at LIMIT {BoundedSearch.Step}) lane";

    /// <summary>Looking an event up costs ten times what looking at a row does.</summary>
    private const int StepWithEvent = BoundedSearch.Step / 4;

    private readonly Tenant _tenant;
    private readonly DeliveryQuery _query;
    private readonly Guid? _after;
    private readonly bool _shortLane;
    private readonly Where _parameters = new();

    /// <param name="tenant">Whose.</param>
    /// <param name="query">Which.</param>
    /// <param name="after">Only ids below this; null: from the newest on.</param>
    /// <param name="need">Rows to find.</param>
    /// <param name="shortLane">The integration asked for has so few live deliveries that they can be sorted.</param>
    public DeliveryWalk(Tenant tenant, DeliveryQuery query, Guid? after, int need, bool shortLane)
    {
        _tenant = tenant;
        _query = query;
        _after = after;
        Need = need;
        _shortLane = shortLane;
    }

    public int Need { get; }

    public static bool HasLive(DeliveryQuery query) => query.Status is null || DeliveryStatus.Live.Contains(query.Status);

    public NpgsqlCommand ToCommand(NpgsqlDataSource source)
    {
        var parts = new List<string>();
        if (HasLive(_query)) parts.Add(Live());
        if (_query.Status is null || !HasLive(_query)) parts.Add(Finished());
        return _parameters.ToCommand(source, $"SELECT * FROM ({string.Join(" UNION ALL ", parts)}) u ORDER BY id DESC");
    }

    private string Live()
    {
        var walk = Range("q");
        var rest = new Where(_parameters).And("q.event_id = {0}", _query.Event);
        if (_query.Status is not null) rest.And($"{LiveStatus} = '{OwnName(_query.Status)}'");
        var table = "dispatcher.queue";
        if (_shortLane)
            table = $"(SELECT * FROM dispatcher.queue q WHERE q.integration_id = {_parameters.Value(_query.Integration!)} ORDER BY q.due_at LIMIT {BoundedSearch.Step})";
        else
            rest.And("q.integration_id = {0}", _query.Integration);

        var ofEvent = new Where(_parameters).And("e.type = {0}", _query.Type).And("coalesce(e.project, 'default') = {0}", _tenant.Project);
        var asksEvent = _query.Type is not null || _tenant.Project is not null;
        if (asksEvent)
            rest.And($"(SELECT {ofEvent} FROM dispatcher.event e WHERE e.organization_id = q.organization_id AND e.id = q.event_id)");
        return Part(table, "q", LiveColumns, LiveTables, walk, rest, asksEvent ? StepWithEvent : BoundedSearch.Step);
    }

    private string Finished()
    {
        var walk = Range("d");
        var rest = new Where(_parameters)
            .And("d.event_id = {0}", _query.Event)
            .And("d.event_type = {0}", _query.Type)
            .And("coalesce(d.project, 'default') = {0}", _tenant.Project);
        if (_query is { Integration: not null, Event: null })
        {
            // An integration has one organization, which is asked for where the rows are read. Asked for here as well, it would have the
            // planner intersect two indexes, for it takes the two conditions for independent.
            walk = Range("d", anyOrganization: true).And("d.integration_id = {0}", _query.Integration);
        }
        else
        {
            rest.And("d.integration_id = {0}", _query.Integration);
        }

        // As text of ours, not as a parameter: a plan that is kept must know that the partial index serves it.
        if (_query.Status is not null)
            (_query.Status == DeliveryStatus.Succeeded || _query.Integration is not null || _query.Event is not null ? rest : walk).And($"d.status = '{OwnName(_query.Status)}'");
        return Part("dispatcher.delivery", "d", FinishedColumns, FinishedTables, walk, rest, BoundedSearch.Step);
    }

    private string Part(string table, string alias, string columns, string tables, Where walk, Where rest, int step)
    {
        // Where everything matches, there is no need to look further than the page.
        if (rest.IsEmpty) step = Math.Min(step, Need);
        var organization = _parameters.Value(_tenant.Organization);
        return $"""
            (SELECT f.*, coalesce(w.matches, false), w.n = {step} FROM (
                SELECT {alias}.id, ({rest}) AS matches, row_number() OVER (ORDER BY {alias}.id DESC) AS n FROM (
                    SELECT * FROM {table} {alias} WHERE {walk} ORDER BY {alias}.id DESC LIMIT {step}) {alias}) w
            CROSS JOIN LATERAL (SELECT {columns} FROM {tables} WHERE {alias}.organization_id = {organization} AND {alias}.id = w.id LIMIT 1) f
            WHERE w.matches OR w.n = {step} ORDER BY w.id DESC LIMIT {_parameters.Value(Need)})
            """;
    }

    private Where Range(string alias, bool anyOrganization = false)
    {
        var range = new Where(_parameters)
            .And($"{alias}.organization_id = {{0}}", anyOrganization ? null : _tenant.Organization)
            .AndIds(alias, _query.Since, _query.Until, _after);
        if (_query.Event is not { } id) return range;
        // A delivery shares its first eight bytes with its event: a range of the primary key instead of an index.
        var (first, last) = Ids.Siblings(id);
        return range.And($"{alias}.id >= {{0}}", first).And($"{alias}.id <= {{0}}", last);
    }

    /// <summary>The same name from our own list: never a caller's text in a statement.</summary>
    public static string OwnName(string status) => DeliveryStatus.All.Single(name => name == status);
}
