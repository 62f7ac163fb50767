// "Integrations": what each of an organization has done in the last day, and what is wrong with it; or those of all that fail.

using Dispatcher.Platform;
using Hangfire.Dashboard;
using Npgsql;

namespace Dispatcher.Hangfire.Dashboard;

/// <param name="Organization">Whose they are; null: all organizations', of which only those are shown that fail.</param>
/// <param name="Page">Newest first.</param>
internal sealed record IntegrationsModel(string? Organization, Page<IntegrationRow> Page)
{
    private const string OfOne =
        "dispatcher.integration g LEFT JOIN dispatcher.integration_health h ON h.organization_id = g.organization_id AND h.integration_id = g.id";

    // Who fails has a row there, and nobody else: their number bounds what is read.
    private const string Failing =
        "dispatcher.integration_health h JOIN dispatcher.integration g ON g.organization_id = h.organization_id AND g.id = h.integration_id";

    // Each integration costs a day of hours at most, and two probes.
    private static string Sql(string? organization) =>
        $"""
        SELECT g.organization_id, g.id, g.name, g.target, g.enabled, g.disabled_reason, h.failing_since, b.open_until,
               did.succeeded, did.attempts - did.succeeded, did.exhausted
        FROM {(organization is null ? Failing : OfOne)}
        LEFT JOIN dispatcher.open_breaker b ON b.organization_id = g.organization_id AND b.integration_id = g.id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(s.outcomes[1]), 0)::bigint AS succeeded, coalesce(sum((SELECT sum(n) FROM unnest(s.outcomes) n)), 0)::bigint AS attempts,
                   coalesce(sum(s.exhausted), 0)::bigint AS exhausted
            FROM dispatcher.stats_hour s
            WHERE s.organization_id = g.organization_id AND s.integration_id = g.id AND s.at > now() - interval '24 hours') did
        WHERE {(organization is null ? "$1::text IS NULL" : "g.organization_id = $1")} AND g.deleted_at IS NULL AND ($2::uuid IS NULL OR g.id < $2)
        ORDER BY g.id DESC LIMIT $3
        """;

    public static async Task<RazorPage> LoadAsync(PageRequest request)
    {
        var page = (await PageQuery.BindAsync(request.Http, null!))!;
        await using var command = request.Services.GetRequiredService<NpgsqlDataSource>().CreateCommand(Sql(request.Organization));
        command.Parameters.AddWithValue((object?)request.Organization ?? DBNull.Value);
        command.Parameters.AddWithValue((object?)page.AfterId ?? DBNull.Value);
        command.Parameters.AddWithValue(page.Limit + 1);
        await using var reader = await command.ExecuteReaderAsync(request.Aborted);
        var rows = new List<IntegrationRow>();
        while (await reader.ReadAsync(request.Aborted)) rows.Add(IntegrationRow.Read(reader));
        return new IntegrationsPage(new IntegrationsModel(request.Organization, Page<IntegrationRow>.Of(rows, page, r => r.Id[4..])));
    }
}

/// <summary>An integration, and the last 24 hours of it. Nothing secret.</summary>
internal sealed record IntegrationRow(
    string Organization, string Id, string? Name, string Target, bool Enabled, string? DisabledReason, DateTimeOffset? FailingSince, DateTimeOffset? BreakUntil,
    long Succeeded, long Failed, long Exhausted)
{
    public static IntegrationRow Read(NpgsqlDataReader reader) => new(
        reader.GetString(0),
        Ids.Format(Ids.Integration, reader.GetGuid(1)),
        reader.IsDBNull(2) ? null : reader.GetString(2),
        reader.GetString(3),
        reader.GetBoolean(4),
        reader.IsDBNull(5) ? null : reader.GetString(5),
        reader.IsDBNull(6) ? null : reader.GetFieldValue<DateTimeOffset>(6),
        reader.IsDBNull(7) ? null : reader.GetFieldValue<DateTimeOffset>(7),
        reader.GetInt64(8), reader.GetInt64(9), reader.GetInt64(10));
}

internal sealed class IntegrationsPage(IntegrationsModel model) : DrawnPage("Integrations")
{
    protected override Markup Draw() => Markup.Of(
        $"""
        <form class="form-inline" method="get" action="{Url.To("/integrations")}">
        <label>Organization <input class="form-control input-sm" name="organization" value="{model.Organization}" placeholder="all that fail"></label>
        <button class="btn btn-primary btn-sm">Show</button></form><br>
        {(model.Page.Data.Count == 0 ? Markup.Of($"""<div class="alert alert-info">{(model.Organization is null ? "None fails." : "There are no integrations.")}</div>""") : Table())}
        {Older()}
        """);

    private Markup Table() => Markup.Of(
        $"""
        <div class="table-responsive"><table class="table table-hover">
        <thead><tr><th>Integration</th><th>Organization</th><th>Target</th><th>State</th><th>Succeeded, 24 h</th><th>Failed, 24 h</th><th>Exhausted, 24 h</th></tr></thead>
        <tbody>{Markup.Join(model.Page.Data, Row)}</tbody></table></div>
        """);

    private Markup Row(IntegrationRow g) => Markup.Of(
        $"""
        <tr><td>{g.Name} <a href="{Link("/deliveries", ("organization", g.Organization), ("integration", g.Id))}"><code>{g.Id}</code></a></td>
        <td>{g.Organization}</td><td>{g.Target}</td><td>{State(g)}</td><td>{g.Succeeded}</td>
        <td>{Failures(g.Failed, Link("/deliveries", ("organization", g.Organization), ("integration", g.Id), ("status", "failed")))}</td>
        <td>{Failures(g.Exhausted, Link("/deliveries", ("organization", g.Organization), ("integration", g.Id), ("status", "exhausted")))}</td></tr>
        """);

    private static Markup State(IntegrationRow g) => g switch
    {
        { Enabled: false } => Markup.Of($"""<span class="label label-danger">disabled</span> {g.DisabledReason ?? "by hand"}"""),
        { BreakUntil: { } until } => Markup.Of($"""<span class="label label-danger">break</span> next probe {Moment(until)}"""),
        { FailingSince: { } since } => Markup.Of($"""<span class="label label-warning">failing</span> since {Moment(since)}"""),
        _ => Markup.Of($"""<span class="label label-success">enabled</span>"""),
    };

    private static Markup Failures(long count, string link) => count == 0 ? Markup.Of($"0") : Markup.Of($"""<a href="{link}">{count}</a>""");

    private Markup? Older() => model.Page.NextCursor is { } cursor
        ? Markup.Of($"""<a class="btn btn-default" rel="next" href="{Link("/integrations", ("organization", model.Organization), ("cursor", cursor))}">Older</a>""")
        : null;
}
