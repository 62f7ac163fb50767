// The audit trail as it stands on the wire.

using System.Text.Json;

namespace Dispatcher.Auditing;

/// <summary>An entry of the audit trail.</summary>
/// <param name="Id">Its id; it sorts by time.</param>
/// <param name="At">When it was done.</param>
/// <param name="Action">What was done, such as <c>integration.updated</c>.</param>
/// <param name="Actor">Who did it.</param>
/// <param name="Target">What it was done to.</param>
/// <param name="Organization">The organization it belongs to; null: the server's own entries.</param>
/// <param name="Project">The project that it concerns; null: all of the organization, or none.</param>
/// <param name="Details">
/// What else is to be known, by action. <c>changes</c> is a list of <c>{"member","from","to"}</c>; of members whose values are secret,
/// or a customer's own, only <c>member</c>.
/// </param>
/// <param name="RemoteAddress">Where the request came from; null: it was no request.</param>
/// <param name="RequestId">The request's <c>X-Request-Id</c>, otherwise the id that the server's logs give it.</param>
internal sealed record AuditView(
    string Id,
    DateTimeOffset At,
    string Action,
    ActorView Actor,
    TargetView Target,
    string? Organization,
    string? Project,
    JsonElement Details,
    string? RemoteAddress,
    string? RequestId);

/// <summary>Who did something, as it was then.</summary>
/// <param name="Kind"><c>key</c>, <c>operator_key</c> (the one of the configuration), <c>portal</c> or <c>server</c>.</param>
/// <param name="Id">The key's id; null for the last one and the configuration's key.</param>
/// <param name="Name">The key's name.</param>
/// <param name="Role">The role it acted in.</param>
internal sealed record ActorView(string Kind, string? Id, string? Name, string? Role);

/// <summary>What something was done to.</summary>
/// <param name="Kind"><c>integration</c>, <c>delivery</c>, <c>task</c>, <c>api_key</c>, <c>project</c>, <c>organization</c>, <c>event_type</c> …</param>
/// <param name="Id">Its id, or the event type's name.</param>
internal sealed record TargetView(string Kind, string Id);
