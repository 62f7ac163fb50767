// Reads the audit trail.

using System.Net;
using System.Text.Json;
using Dispatcher.Access;
using Dispatcher.Platform;
using Npgsql;

namespace Dispatcher.Auditing;

/// <summary>Which entries to list; null: no matter.</summary>
/// <param name="OfServer">The server's own instead of an organization's.</param>
/// <param name="Action">One of <see cref="AuditAction"/>.</param>
/// <param name="Actor">An actor's id or kind.</param>
/// <param name="Target">A target's id.</param>
/// <param name="Since">Not before then.</param>
/// <param name="Until">Before then.</param>
internal sealed record AuditQuery(bool OfServer, string? Action, string? Actor, string? Target, DateTimeOffset? Since, DateTimeOffset? Until);

internal sealed class AuditStore(NpgsqlDataSource source, TimeProvider time)
{
    private const string Columns =
        """
        a.id, a.action, a.actor_kind, a.actor_id, a.actor_name, a.actor_role, a.target_kind, a.target_id, nullif(a.organization_id, ''), a.project,
        a.details::text, a.remote_address, a.request_id
        """;

    /// <summary>Whether the row matches, and whether it is the last that a step looked at with more to come. After <see cref="Columns"/>.</summary>
    private const int MatchesColumn = 13, LastColumn = 14;

    /// <summary>One row more than the page asks for, where there is one and it is found in time.</summary>
    public Task<Stretch<AuditView>> ListAsync(Tenant tenant, AuditQuery query, PageQuery page, CancellationToken ct) =>
        BoundedSearch.CollectAsync(page, BoundedSearch.Patience, time, (after, need) => StepAsync(tenant, query, after, need, ct));

    /// <summary>An entry of the tenant's or, for operators, one of the server's own.</summary>
    public async Task<AuditView?> FindAsync(Tenant tenant, bool ofServerToo, Guid id, CancellationToken ct)
    {
        string[] organizations = ofServerToo ? [tenant.Organization, AuditEntry.OfServer] : [tenant.Organization];
        var where = new Where()
            .And("a.organization_id = ANY ({0})", organizations).And("a.id = {0}", id).And("a.project = {0}", tenant.Project);
        await using var command = where.ToCommand(source, $"SELECT {Columns} FROM dispatcher.audit a WHERE {where}");
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? View(reader) : null;
    }

    /// <summary>
    /// Walks the primary key newest first or, for one target, the index by target. What that does not answer is judged row by row:
    /// at most <see cref="BoundedSearch.Step"/> rows a statement.
    /// </summary>
    private async Task<Stretch<AuditView>> StepAsync(Tenant tenant, AuditQuery query, Guid? after, int need, CancellationToken ct)
    {
        var walk = new Where()
            .And("a.organization_id = {0}", query.OfServer ? AuditEntry.OfServer : tenant.Organization)
            .And("a.target_id = {0}", query.Target)
            .AndIds("a", query.Since, query.Until, after);
        var rest = new Where(walk)
            .And("a.action = {0}", query.Action)
            .And("(a.actor_id = {0} OR a.actor_kind = {0})", query.Actor)
            .And("a.project = {0}", tenant.Project);
        // Where everything matches, there is no need to look further than the page.
        var step = rest.IsEmpty ? need : BoundedSearch.Step;
        await using var command = walk.ToCommand(
            source,
            $"""
            SELECT {Columns}, coalesce(a.matches, false), a.n = {step} FROM (
                SELECT a.*, ({rest}) AS matches, row_number() OVER (ORDER BY a.id DESC) AS n FROM (
                    SELECT * FROM dispatcher.audit a WHERE {walk} ORDER BY a.id DESC LIMIT {step}) a) a
            WHERE a.matches OR a.n = {step} ORDER BY a.id DESC LIMIT {need}
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<AuditView>();
        Guid? resume = null;
        while (await reader.ReadAsync(ct))
        {
            if (reader.GetBoolean(MatchesColumn)) rows.Add(View(reader));
            if (reader.GetBoolean(LastColumn)) resume = reader.GetGuid(0);
        }

        return new Stretch<AuditView>(rows, resume);
    }

    private static AuditView View(NpgsqlDataReader reader)
    {
        var id = reader.GetGuid(0);
        return new AuditView(
            Ids.Format(Ids.Audit, id),
            Ids.TimeOf(id),
            reader.GetString(1),
            new ActorView(reader.GetString(2), TextAt(3), TextAt(4), TextAt(5)),
            new TargetView(reader.GetString(6), reader.GetString(7)),
            TextAt(8),
            TextAt(9),
            JsonElement.Parse(TextAt(10) ?? "{}"),
            reader.IsDBNull(11) ? null : reader.GetFieldValue<IPAddress>(11).ToString(),
            TextAt(12));

        string? TextAt(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
    }
}
