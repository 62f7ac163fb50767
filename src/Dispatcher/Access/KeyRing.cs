// Knows keys by their hash. Answers are kept for seconds, and dropped at once when any node changes a key.

using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>Looks keys up. A revoked key stops working at once on every node that hears of it, and within <see cref="Freshness"/> on one that does not.</summary>
internal sealed class KeyRing(IDbContextFactory<DispatcherDb> dbs, DispatcherOptions options, TimeProvider time)
{
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(5);

    private readonly byte[]? _operatorHash = options.OperatorKey is { } key ? Hash(key) : null;
    private readonly ConcurrentDictionary<string, (Caller Caller, DateTimeOffset Until)> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _organizations = new(StringComparer.Ordinal);

    /// <summary>A new key: <c>dsk_</c> and 32 random bytes in hex.</summary>
    public static string NewKey() => "dsk_" + RandomNumberGenerator.GetHexString(64, lowercase: true);

    /// <summary>How a key is stored. Keys have 256 random bits, so a plain hash cannot be searched.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    public void Forget()
    {
        _known.Clear();
        _organizations.Clear();
    }

    public ValueTask<Caller?> FindAsync(string key, CancellationToken ct)
    {
        if (key.Length > 200) return ValueTask.FromResult<Caller?>(null);
        if (_known.TryGetValue(key, out var known) && known.Until > time.GetUtcNow()) return ValueTask.FromResult<Caller?>(known.Caller);
        return new ValueTask<Caller?>(LookUpAsync(key, ct));
    }

    public async ValueTask<bool> OrganizationExistsAsync(string id, CancellationToken ct)
    {
        if (id == Tenant.Default || (_organizations.TryGetValue(id, out var until) && until > time.GetUtcNow())) return true;
        if (!Identifiers.IsValid(id)) return false;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (!await db.Organizations.AnyAsync(o => o.Id == id, ct)) return false;
        _organizations[id] = time.GetUtcNow() + Freshness;
        return true;
    }

    private async Task<Caller?> LookUpAsync(string key, CancellationToken ct)
    {
        var hash = Hash(key);
        if (_operatorHash is not null && CryptographicOperations.FixedTimeEquals(hash, _operatorHash))
            return Remember(key, new Caller(null, Role.Operator, null, null), null);

        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = time.GetUtcNow();
        var row = await db.ApiKeys.AsNoTracking()
            .SingleOrDefaultAsync(k => k.Hash == hash && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now), ct);
        return row is null ? null : Remember(key, new Caller(row.Id, row.Role, row.OrganizationId, row.Project, row.Name), row.ExpiresAt);
    }

    private Caller Remember(string key, Caller caller, DateTimeOffset? expires)
    {
        var until = time.GetUtcNow() + Freshness;
        _known[key] = (caller, expires < until ? expires.Value : until);
        return caller;
    }
}
