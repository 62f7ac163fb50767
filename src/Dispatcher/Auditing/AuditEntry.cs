// An entry of the audit trail as it is stored: what was done, by whom, to what.

using System.Net;
using Dispatcher.Platform;

namespace Dispatcher.Auditing;

/// <summary>One change, or one look at a secret. Written in the transaction of the change (see <see cref="AuditContext"/>), and never changed.</summary>
internal sealed class AuditEntry
{
    /// <summary>The organization of entries that belong to none. No organization has it for an id.</summary>
    public const string OfServer = "";

    public required string OrganizationId { get; init; }

    /// <summary>A UUIDv7: its time is when it was done.</summary>
    public required Guid Id { get; init; }

    /// <summary>One of <see cref="AuditAction"/>.</summary>
    public required string Action { get; init; }
    public required string ActorKind { get; init; }
    public string? ActorId { get; init; }
    public string? ActorName { get; init; }
    public string? ActorRole { get; init; }
    public required string TargetKind { get; init; }
    public required string TargetId { get; init; }

    /// <summary>The project that it concerns, if one.</summary>
    public string? Project { get; init; }

    /// <summary>A JSON object, if there is more to say. Never the value of anything secret.</summary>
    public string? Details { get; init; }
    public IPAddress? RemoteAddress { get; init; }
    public string? RequestId { get; init; }
}

/// <summary>What something was done to.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Id">Its id as it stands on the wire.</param>
internal readonly record struct AuditTarget(string Kind, string Id)
{
    public static AuditTarget Integration(Guid id) => new("integration", Ids.Format(Ids.Integration, id));
    public static AuditTarget Task(Guid id) => new("task", Ids.Format(Ids.Task, id));
    public static AuditTarget Delivery(Guid id) => new("delivery", Ids.Format(Ids.Delivery, id));
    public static AuditTarget ApiKey(Guid id) => new("api_key", Ids.Format(Ids.ApiKey, id));
    public static AuditTarget Project(string id) => new("project", id);
    public static AuditTarget Organization(string id) => new("organization", id);
    public static readonly AuditTarget Dashboard = new("dashboard", "dashboard");

    public static AuditTarget PortalSession(Guid id) => new("portal_session", Ids.Format(Ids.PortalSession, id));
    public static AuditTarget EventType(string name) => new("event_type", name);
}
