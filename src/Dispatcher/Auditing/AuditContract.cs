// The audit trail as it stands on the wire.

using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Dispatcher.Platform;

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
    [property: Example(Examples.AuditEntry)] string Id,
    [property: Example(Examples.Time)] DateTimeOffset At,
    [property: Example(AuditAction.IntegrationUpdated)] string Action,
    ActorView Actor,
    TargetView Target,
    [property: Example(Examples.Organization)] string? Organization,
    [property: Example(Examples.Project)] string? Project,
    [property: Example("""{"changes":[{"member":"name","from":"ERP","to":"ERP of the north"}]}""")] JsonElement Details,
    [property: Example("203.0.113.7")] string? RemoteAddress,
    [property: Example("0HNF4J2L7K3QD:00000001")] string? RequestId);

/// <summary>Who did something, as it was then.</summary>
/// <param name="Kind"><c>key</c>, <c>operator_key</c> (the one of the configuration), <c>portal</c> (a session of a link) or <c>server</c>.</param>
/// <param name="Id">The id of the key or the session; null for the configuration's key and the server.</param>
/// <param name="Name">The key's name, or the command that the server ran; null where there is none.</param>
/// <param name="Role">The role it acted in; null for the server.</param>
internal sealed record ActorView(
    [property: AllowedValues(ActorKind.Key, ActorKind.OperatorKey, ActorKind.Portal, ActorKind.Server), Example(ActorKind.Key)] string Kind,
    [property: Example(Examples.ApiKey)] string? Id,
    [property: Example("Job runner")] string? Name,
    [property: AllowedValues("operator", "admin", "member", "emitter"), Example("admin")] string? Role);

/// <summary>What something was done to.</summary>
/// <param name="Kind"><c>integration</c>, <c>delivery</c>, <c>task</c>, <c>api_key</c>, <c>project</c>, <c>organization</c>, <c>event_type</c> …</param>
/// <param name="Id">Its id, or the event type's name.</param>
internal sealed record TargetView(
    [property: Example("integration")] string Kind,
    [property: Example(Examples.Integration)] string Id);
