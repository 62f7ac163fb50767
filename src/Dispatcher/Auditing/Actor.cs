// Who did something: the one place where a caller becomes an actor.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Auditing;

/// <summary>Who did something, as it was then: a key that is revoked later keeps its name here.</summary>
/// <param name="Kind">One of <see cref="ActorKind"/>.</param>
/// <param name="Id">Which one, as it stands on the wire; null where there is only one.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Role">The role that it acted in; null for the server.</param>
internal sealed record Actor(string Kind, string? Id, string? Name, string? Role)
{
    /// <summary>The server on its own account.</summary>
    public static readonly Actor Server = new(ActorKind.Server, null, null, null);

    public static Actor Of(Caller caller)
    {
        var role = caller.Role.ToString().ToLowerInvariant();
        if (caller.Kind == CallerKind.PortalSession) return new Actor(ActorKind.Portal, Ids.Format(Ids.PortalSession, caller.KeyId!.Value), null, role);
        return caller.KeyId is { } key
            ? new Actor(ActorKind.Key, Ids.Format(Ids.ApiKey, key), caller.Name, role)
            : new Actor(ActorKind.OperatorKey, null, null, role);
    }
}

internal static class ActorKind
{
    /// <summary>A key of /api-keys.</summary>
    public const string Key = "key";

    /// <summary>The operator key of the configuration.</summary>
    public const string OperatorKey = "operator_key";

    /// <summary>Somebody with a link into the portal.</summary>
    public const string Portal = "portal";

    /// <summary>The server itself, or who ran one of its commands on its machine.</summary>
    public const string Server = "server";
}
