// Opens, finds and ends operator sessions.

using System.Security.Cryptography;
using Dispatcher.Auditing;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>Who has signed in. A session is its key for all that it does: the same role, name and limits, and it ends with it.</summary>
internal sealed class OperatorSessions(IDbContextFactory<DispatcherDb> dbs, DispatcherOptions options, TimeProvider time)
{
    private readonly byte[]? _operatorHash = options.OperatorKey is { } key ? KeyRing.Hash(key) : null;

    /// <summary>Opens a session for an operator key.</summary>
    /// <returns>Its token, which is nowhere else, and when it ends.</returns>
    public async Task<(string Token, DateTimeOffset ExpiresAt)> OpenAsync(Caller key, AuditContext audit, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var keyExpires = await db.ApiKeys.Where(k => k.Id == key.KeyId).Select(k => k.ExpiresAt).SingleOrDefaultAsync(ct);
        var (now, token) = (time.GetUtcNow(), OperatorToken.New());
        var until = now.AddSeconds(options.Dashboard.SessionSeconds);
        var session = new OperatorSession
        {
            Id = Ids.NewUuid(now),
            CreatedBy = key.KeyId,
            Hash = key.KeyId is null ? OperatorsHash(token) : KeyRing.Hash(token),
            CreatedAt = now,
            ExpiresAt = keyExpires < until ? keyExpires.Value : until,
        };
        db.OperatorSessions.Add(session);
        db.Audit.Add(audit.Entry(AuditAction.OperatorSignedIn, AuditTarget.Dashboard));
        await db.SaveChangesAsync(ct);
        return (token, session.ExpiresAt);
    }

    /// <summary>The caller that a live session's token stands for, and when that ends; null where there is none.</summary>
    public async Task<(Caller Caller, DateTimeOffset ExpiresAt)?> FindAsync(string token, CancellationToken ct)
    {
        if (!OperatorToken.HasForm(token)) return null;
        var (ofKey, ofOperator, now) = (KeyRing.Hash(token), OperatorsHash(token), time.GetUtcNow());
        await using var db = await dbs.CreateDbContextAsync(ct);
        var found = await (
            from s in db.OperatorSessions.AsNoTracking()
            join k in db.ApiKeys on s.CreatedBy equals k.Id into keys
            from k in keys.DefaultIfEmpty()
            where ((s.Hash == ofKey && s.CreatedBy != null) || (s.Hash == ofOperator && s.CreatedBy == null))
                && s.ExpiresAt > now
                && (k == null || (k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now)))
            select new { s.CreatedBy, s.ExpiresAt, Name = k == null ? null : k.Name, Limit = k == null ? null : k.RateLimitPerSecond })
            .SingleOrDefaultAsync(ct);
        return found is null ? null : (new Caller(found.CreatedBy, Role.Operator, null, null, found.Name, found.Limit), found.ExpiresAt);
    }

    /// <summary>Ends the session of a token, where there is one. Every node looks it up once more.</summary>
    public async Task EndAsync(string token, AuditContext audit, CancellationToken ct)
    {
        var (ofKey, ofOperator) = (KeyRing.Hash(token), OperatorsHash(token));
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        if (await db.OperatorSessions.Where(s => s.Hash == ofKey || s.Hash == ofOperator).ExecuteDeleteAsync(ct) == 0) return;
        db.Audit.Add(audit.Entry(AuditAction.OperatorSignedOut, AuditTarget.Dashboard));
        await db.SaveChangesAsync(ct);
        await db.Database.ExecuteSqlAsync($"SELECT pg_notify('dispatcher_changed', 'keys')", ct);
        await transaction.CommitAsync(ct);
    }

    /// <summary>The token's hash, together with the configured operator key's: another key, and nothing that it opened is found.</summary>
    private byte[] OperatorsHash(string token) => SHA256.HashData([.. _operatorHash ?? [], .. KeyRing.Hash(token)]);
}
