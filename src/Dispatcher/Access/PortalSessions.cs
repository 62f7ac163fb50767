// Makes, finds and ends portal sessions.

using System.Security.Cryptography;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>A session that a token led to.</summary>
/// <param name="Caller">What its token may do.</param>
/// <param name="ExpiresAt">When it ends, or has ended.</param>
/// <param name="IsLive">False: it has expired or was revoked, or the key that made it has ended.</param>
internal sealed record FoundSession(Caller Caller, DateTimeOffset ExpiresAt, bool IsLive);

internal sealed class PortalSessions(IDbContextFactory<DispatcherDb> dbs, DispatcherOptions options, TimeProvider time)
{
    private readonly byte[]? _operatorHash = options.OperatorKey is { } key ? KeyRing.Hash(key) : null;

    /// <summary>Makes a session that ends at the latest with the key that makes it.</summary>
    /// <returns>The session, and its token, which is nowhere else.</returns>
    public async Task<(PortalSession Session, string Token)> CreateAsync(
        Caller creator, Tenant scope, Role role, TimeSpan lifetime, AuditContext audit, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var keyExpires = await db.ApiKeys.Where(k => k.Id == creator.KeyId).Select(k => k.ExpiresAt).SingleOrDefaultAsync(ct);
        var (now, token) = (time.GetUtcNow(), PortalToken.New());
        var session = new PortalSession
        {
            OrganizationId = scope.Organization,
            Id = Ids.NewUuid(now),
            Project = scope.Project,
            Role = role,
            CreatedBy = creator.KeyId,
            Hash = creator.KeyId is null ? OperatorsHash(token) : KeyRing.Hash(token),
            CreatedAt = now,
            ExpiresAt = keyExpires < now + lifetime ? keyExpires.Value : now + lifetime,
        };
        db.PortalSessions.Add(session);
        db.Audit.Add(audit.Entry(AuditAction.PortalLinkCreated, AuditTarget.PortalSession(session.Id), session.Project, new()
        {
            ["role"] = role.ToString().ToLowerInvariant(),
            ["expires_at"] = Rfc3339Converter.ToText(session.ExpiresAt),
        }));
        await db.SaveChangesAsync(ct);
        return (session, token);
    }

    /// <summary>The session of a token, as long as it is known; those that have ended are for a day.</summary>
    public async Task<FoundSession?> FindAsync(string token, CancellationToken ct)
    {
        if (!PortalToken.HasForm(token)) return null;
        var (ofKey, ofOperator) = (KeyRing.Hash(token), OperatorsHash(token));
        await using var db = await dbs.CreateDbContextAsync(ct);
        var found = await (
            from s in db.PortalSessions.AsNoTracking()
            join k in db.ApiKeys on s.CreatedBy equals k.Id into keys
            from k in keys.DefaultIfEmpty()
            where (s.Hash == ofKey && s.CreatedBy != null) || (s.Hash == ofOperator && s.CreatedBy == null)
            select new
            {
                Session = s,
                KeyExpiresAt = k == null ? null : k.ExpiresAt,
                KeyRevokedAt = k == null ? null : k.RevokedAt,
                KeyLimit = k == null ? null : k.RateLimitPerSecond,
            }).SingleOrDefaultAsync(ct);
        if (found is null) return null;
        var session = found.Session;
        var ends = found.KeyExpiresAt < session.ExpiresAt ? found.KeyExpiresAt.Value : session.ExpiresAt;
        return new FoundSession(
            new Caller(session.Id, session.Role, session.OrganizationId, session.Project, RateLimitPerSecond: found.KeyLimit,
                Kind: CallerKind.PortalSession, Maker: session.CreatedBy),
            ends,
            session.RevokedAt is null && found.KeyRevokedAt is null && ends > time.GetUtcNow());
    }

    /// <summary>Ends one session of the scope; false where there is none that is live.</summary>
    public async Task<bool> RevokeAsync(Tenant scope, Guid id, AuditContext audit, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var session = db.PortalSessions.Where(s => s.OrganizationId == scope.Organization && (scope.Project == null || s.Project == scope.Project) && s.Id == id);
        if (await session.Where(s => s.RevokedAt == null && s.ExpiresAt > now).ExecuteUpdateAsync(set => set.SetProperty(s => s.RevokedAt, now), ct) == 0)
            return false;
        var project = await session.Select(s => s.Project).SingleAsync(ct);
        db.Audit.Add(audit.Entry(AuditAction.PortalLinkRevoked, AuditTarget.PortalSession(id), project));
        await db.SaveChangesAsync(ct);
        await db.Database.ExecuteSqlAsync($"SELECT pg_notify('dispatcher_changed', 'keys')", ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Ends all sessions of a project, in the transaction that deletes it.</summary>
    public static async Task EndProjectAsync(DispatcherDb db, string organization, string project, CancellationToken ct)
    {
        await db.PortalSessions.Where(s => s.OrganizationId == organization && s.Project == project).ExecuteDeleteAsync(ct);
        // Nodes remember callers for a moment: this has them look again. By a statement, because tenants' tables do without triggers
        // where they can (docs/scaling.md).
        await db.Database.ExecuteSqlAsync($"SELECT pg_notify('dispatcher_changed', 'keys')", ct);
    }

    /// <summary>The token's hash, together with the configured operator key's: another key, and nothing that it made is found.</summary>
    private byte[] OperatorsHash(string token) => SHA256.HashData([.. _operatorHash ?? [], .. KeyRing.Hash(token)]);
}
