// The statements of OpenBreakers. Each decides and tells the other nodes in one: what was not changed is not told.

namespace Dispatcher.Dispatching;

/// <summary>In all of them $1 and $2 are the integration's organization and id.</summary>
internal static class OpenBreakerSql
{
    private const string Tell =
        "SELECT extract(epoch FROM c.open_until - now())::double precision, pg_notify('dispatcher_changed', 'opened:' || c.integration_id || ':' || round(extract(epoch FROM c.open_until - now()) * 1000)) FROM changed c";

    /// <summary>Opens for $3 seconds, if the integration still has the version $4 that failed.</summary>
    public const string Open =
        $"""
        WITH changed AS (
            INSERT INTO dispatcher.open_breaker (organization_id, integration_id, open_until, breaks)
            SELECT g.organization_id, g.id, now() + make_interval(secs => $3), 1
            FROM dispatcher.integration g
            WHERE g.organization_id = $1 AND g.id = $2 AND g.version = $4 AND g.enabled AND g.deleted_at IS NULL
            ON CONFLICT DO NOTHING
            RETURNING integration_id, open_until)
        {Tell}
        """;

    /// <summary>Takes the probe that is due, for $3 seconds: a node that dies while it probes leaves it to others after that.</summary>
    public const string Probe =
        $"""
        WITH changed AS (
            UPDATE dispatcher.open_breaker SET open_until = now() + make_interval(secs => $3), probing = true
            WHERE organization_id = $1 AND integration_id = $2 AND open_until <= now()
            RETURNING integration_id, open_until)
        {Tell}
        """;

    /// <summary>Breaks once more, twice as long as the last time: $3 seconds doubled as often as there were breaks, at most $4.</summary>
    public const string Reopen =
        $"""
        WITH changed AS (
            UPDATE dispatcher.open_breaker
            SET open_until = now() + make_interval(secs => least($4, $3 * power(2, least(breaks, 30)))), breaks = breaks + 1, probing = false
            WHERE organization_id = $1 AND integration_id = $2
            RETURNING integration_id, open_until)
        {Tell}
        """;

    public const string Close =
        """
        WITH changed AS (
            DELETE FROM dispatcher.open_breaker WHERE organization_id = $1 AND integration_id = $2 RETURNING integration_id)
        SELECT c.integration_id, pg_notify('dispatcher_changed', 'closed:' || c.integration_id) FROM changed c
        """;

    /// <summary>Has the next probe be due now, unless one is under way.</summary>
    public const string Hurry =
        $"""
        WITH changed AS (
            UPDATE dispatcher.open_breaker SET open_until = now()
            WHERE organization_id = $1 AND integration_id = $2 AND open_until > now() AND NOT probing
            RETURNING integration_id, open_until)
        {Tell}
        """;

    /// <summary>The seconds until the next probe; none where the breaker is closed.</summary>
    public const string Left =
        "SELECT extract(epoch FROM open_until - now())::double precision FROM dispatcher.open_breaker WHERE organization_id = $1 AND integration_id = $2";

    public const string All = "SELECT integration_id, extract(epoch FROM open_until - now())::double precision FROM dispatcher.open_breaker";
}
