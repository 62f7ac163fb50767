// Knows keys, and the tokens of sessions, by their hash. Answers are kept for seconds, and dropped at once when any node changes a key.

using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Dispatcher.Platform;
using Dispatcher.Storage;
using Microsoft.EntityFrameworkCore;

namespace Dispatcher.Access;

/// <summary>Looks keys up. A revoked key stops working at once on every node that hears of it, and within <see cref="Freshness"/> on one that does not.</summary>
internal sealed class KeyRing(IDbContextFactory<DispatcherDb> dbs, PortalSessions sessions, OperatorSessions operators, DispatcherOptions options, TimeProvider time)
{
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(5);

    private const string Prefix = "dsk_";
    private const int HexDigits = 64;

    /// <summary>How many keys are kept in memory. Beyond it all are looked up once more: where keys are made by the thousand, old ones must not pile up.</summary>
    private const int MaxKnown = 50_000;

    private readonly byte[]? _operatorHash = options.OperatorKey is { } key ? Hash(key) : null;
    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _organizations = new(StringComparer.Ordinal);
    private int _changes;

    /// <summary>A new key: <c>dsk_</c> and 32 random bytes in hex.</summary>
    public static string NewKey() => Prefix + RandomNumberGenerator.GetHexString(HexDigits, lowercase: true);

    /// <summary>How a key is stored. Keys have 256 random bits, so a plain hash cannot be searched.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Some key or organization has changed: each is looked up once more when it is asked for next.</summary>
    public void Forget()
    {
        Interlocked.Increment(ref _changes);
        _organizations.Clear();
    }

    /// <summary>The caller, where the key was looked up a moment ago.</summary>
    public Caller? Recall(string key) =>
        _known.TryGetValue(key, out var known) && known.Changes == Volatile.Read(ref _changes) && known.Until > time.GetUtcNow() ? known.Caller : null;

    /// <summary>Whether the key was one the last time it was looked up.</summary>
    public bool HasSeen(string key) => _known.ContainsKey(key);

    /// <summary>Notes that a key is one, for <see cref="HasSeen"/> alone: whoever asks for it next looks it up.</summary>
    public void Note(string key, Caller caller)
    {
        if (_known.Count >= MaxKnown) _known.Clear();
        _known.TryAdd(key, new Known(caller, DateTimeOffset.MinValue, 0));
    }

    public ValueTask<Caller?> FindAsync(string key, CancellationToken ct) =>
        Recall(key) is { } caller ? ValueTask.FromResult<Caller?>(caller) : new ValueTask<Caller?>(LookUpAsync(key, ct));

    public async ValueTask<bool> OrganizationExistsAsync(string id, CancellationToken ct)
    {
        if (id == Tenant.Default || (_organizations.TryGetValue(id, out var until) && until > time.GetUtcNow())) return true;
        if (!Identifiers.IsValid(id)) return false;
        await using var db = await dbs.CreateDbContextAsync(ct);
        if (!await db.Organizations.AnyAsync(o => o.Id == id, ct)) return false;
        _organizations[id] = time.GetUtcNow() + Freshness;
        return true;
    }

    /// <summary>The organization, and for keys of a project the project, that a request of a caller is about.</summary>
    /// <exception cref="ProblemException">404: there is no such organization, or it is another's.</exception>
    public async ValueTask<Tenant> TenantOfAsync(HttpContext context, Caller caller)
    {
        string? asked = context.Request.Query["organization"];
        if (caller.Organization is { } own)
        {
            return asked is null || asked == own
                ? new Tenant(own, caller.Project)
                : throw NoOrganization(asked);
        }

        var organization = asked ?? Tenant.Default;
        return await OrganizationExistsAsync(organization, context.RequestAborted)
            ? new Tenant(organization, null)
            : throw NoOrganization(organization);
    }

    private static ProblemException NoOrganization(string id) => Problem.NotFound($"There is no organization \"{id}\".").AsException();

    private async Task<Caller?> LookUpAsync(string key, CancellationToken ct)
    {
        // Whoever sends megabytes as a key has them hashed at no time.
        if (key.Length > 200) return null;
        var changes = Volatile.Read(ref _changes);
        var hash = Hash(key);
        if (_operatorHash is not null && CryptographicOperations.FixedTimeEquals(hash, _operatorHash))
            return Remember(key, new Caller(null, Role.Operator, null, null), null, changes);

        if (PortalToken.HasForm(key))
        {
            if (await sessions.FindAsync(key, ct) is { IsLive: true } session) return Remember(key, session.Caller, session.ExpiresAt, changes);
            _known.TryRemove(key, out _);
            return null;
        }

        if (OperatorToken.HasForm(key))
        {
            if (await operators.FindAsync(key, ct) is { } session) return Remember(key, session.Caller, session.ExpiresAt, changes);
            _known.TryRemove(key, out _);
            return null;
        }

        // What does not look like a key of ours is none: the database is not asked.
        if (!HasForm(key)) return null;

        await using var db = await dbs.CreateDbContextAsync(ct);
        var now = time.GetUtcNow();
        var row = await db.ApiKeys.AsNoTracking()
            .SingleOrDefaultAsync(k => k.Hash == hash && k.RevokedAt == null && (k.ExpiresAt == null || k.ExpiresAt > now), ct);
        if (row is not null)
        {
            var caller = new Caller(row.Id, row.Role, row.OrganizationId, row.Project, row.Name, row.RateLimitPerSecond);
            return Remember(key, caller, row.ExpiresAt, changes);
        }

        _known.TryRemove(key, out _);
        return null;
    }

    private Caller Remember(string key, Caller caller, DateTimeOffset? expires, int changes)
    {
        if (_known.Count >= MaxKnown) _known.Clear();
        var until = time.GetUtcNow() + Freshness;
        _known[key] = new Known(caller, expires < until ? expires.Value : until, changes);
        return caller;
    }

    private static bool HasForm(string key) =>
        key.Length == Prefix.Length + HexDigits && key.StartsWith(Prefix, StringComparison.Ordinal) && key.AsSpan(Prefix.Length).IndexOfAnyExcept(LowerHex) < 0;

    private static readonly System.Buffers.SearchValues<char> LowerHex = System.Buffers.SearchValues.Create("0123456789abcdef");

    /// <summary>What a key was found to be.</summary>
    /// <param name="Caller">Whose it is.</param>
    /// <param name="Until">Until when that is taken for granted.</param>
    /// <param name="Changes">How many changes this node had heard of before it looked: what it found is outdated with the next one.</param>
    private sealed record Known(Caller Caller, DateTimeOffset Until, int Changes);
}
