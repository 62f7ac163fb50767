// The circumstances under which something is done, from which entries of the audit trail are made.

using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using Dispatcher.Access;
using Dispatcher.Platform;
using Microsoft.AspNetCore.Http.Features;

namespace Dispatcher.Auditing;

/// <summary>
/// Who acts, for which organization, from where: a parameter of every handler that changes something. An entry is stored with the change
/// itself, so that there is never one without the other: added to the DbContext before its SaveChanges, or by
/// <see cref="AuditStatement"/> in the same transaction.
/// </summary>
/// <param name="Actor">Who acts.</param>
/// <param name="Organization">Whose trail it is.</param>
/// <param name="RemoteAddress">Where the request came from.</param>
/// <param name="RequestId">The request's id: the caller's or a proxy's <c>X-Request-Id</c>, otherwise the one that the server's logs have.</param>
/// <param name="Time">The clock.</param>
internal sealed record AuditContext(Actor Actor, string Organization, IPAddress? RemoteAddress, string? RequestId, TimeProvider Time)
    : IBindableFromHttpContext<AuditContext>
{
    public const string RequestIdHeader = "X-Request-Id";

    public static ValueTask<AuditContext?> BindAsync(HttpContext context, ParameterInfo parameter)
    {
        var address = context.Connection.RemoteIpAddress;
        string? requestId = context.Request.Headers[RequestIdHeader];
        return ValueTask.FromResult<AuditContext?>(new AuditContext(
            Actor.Of(Caller.Of(context)),
            context.Features.GetRequiredFeature<Tenant>().Organization,
            address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address,
            Identifiers.IsValid(requestId) ? requestId : context.TraceIdentifier,
            context.RequestServices.GetRequiredService<TimeProvider>()));
    }

    /// <summary>What the server does on its own account, in the trail of an organization or (null) in its own.</summary>
    /// <param name="organization">The organization.</param>
    /// <param name="time">The clock.</param>
    /// <param name="command">The command that it was told to run, if one.</param>
    public static AuditContext OfServer(string? organization, TimeProvider time, string? command = null) =>
        new(Actor.Server with { Name = command }, organization ?? AuditEntry.OfServer, null, null, time);

    /// <summary>The same for the trail of another organization; null: the server's own.</summary>
    public AuditContext In(string? organization) => this with { Organization = organization ?? AuditEntry.OfServer };

    /// <summary>An entry, to be stored with what it tells of.</summary>
    /// <param name="action">One of <see cref="AuditAction"/>.</param>
    /// <param name="target">What it was done to.</param>
    /// <param name="project">The project that it concerns; null: all of the organization, or none.</param>
    /// <param name="details">What else is to be known. Never the value of anything secret.</param>
    public AuditEntry Entry(string action, AuditTarget target, string? project = null, JsonObject? details = null) => new()
    {
        OrganizationId = Organization,
        Id = Ids.NewUuid(Time.GetUtcNow()),
        Action = action,
        ActorKind = Actor.Kind,
        ActorId = Actor.Id,
        ActorName = Actor.Name,
        ActorRole = Actor.Role,
        TargetKind = target.Kind,
        TargetId = target.Id,
        Project = project,
        Details = details is null or [] ? null : details.ToJsonString(WireJson.Wire.Options),
        RemoteAddress = RemoteAddress,
        RequestId = RequestId,
    };
}
