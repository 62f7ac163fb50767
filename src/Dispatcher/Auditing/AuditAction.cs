// What the audit trail tells of: a closed list.

namespace Dispatcher.Auditing;

/// <summary>Names of what was done. Publishing events and moving jobs is not among them: /events and /deliveries tell of that.</summary>
internal static class AuditAction
{
    public const string IntegrationCreated = "integration.created";

    /// <summary>A change that left <c>enabled</c> as it was.</summary>
    public const string IntegrationUpdated = "integration.updated";
    public const string IntegrationDeleted = "integration.deleted";
    public const string IntegrationEnabled = "integration.enabled";

    /// <summary>By a person or, with a reason, by the server.</summary>
    public const string IntegrationDisabled = "integration.disabled";
    public const string IntegrationTested = "integration.tested";
    public const string SecretRead = "secret.read";
    public const string SecretRotated = "secret.rotated";
    public const string RecoveryStarted = "recovery.started";
    public const string TaskCancelled = "task.cancelled";

    /// <summary>One for all deliveries that it is about.</summary>
    public const string BulkStarted = "bulk.started";
    public const string DeliveryRetried = "delivery.retried";
    public const string DeliveryCancelled = "delivery.cancelled";
    public const string ApiKeyCreated = "api_key.created";
    public const string ApiKeyRevoked = "api_key.revoked";
    public const string ProjectCreated = "project.created";
    public const string ProjectDeleted = "project.deleted";
    public const string OrganizationCreated = "organization.created";
    public const string OrganizationChanged = "organization.changed";
    public const string OrganizationDeleted = "organization.deleted";
    public const string EventTypeCreated = "event_type.created";
    public const string EventTypeReplaced = "event_type.replaced";
    public const string EventTypeDeleted = "event_type.deleted";

    /// <summary>A link into the portal was given out.</summary>
    public const string PortalLinkCreated = "portal_link.created";

    /// <summary>Its session was ended before its time.</summary>
    public const string PortalLinkRevoked = "portal_link.revoked";

    /// <summary>An operator key opened a session of the dashboard.</summary>
    public const string OperatorSignedIn = "operator.signed_in";
    public const string OperatorSignedOut = "operator.signed_out";

    public static readonly string[] All =
    [
        IntegrationCreated, IntegrationUpdated, IntegrationDeleted, IntegrationEnabled, IntegrationDisabled, IntegrationTested,
        SecretRead, SecretRotated, RecoveryStarted, TaskCancelled, BulkStarted, DeliveryRetried, DeliveryCancelled, ApiKeyCreated, ApiKeyRevoked,
        ProjectCreated, ProjectDeleted, OrganizationCreated, OrganizationChanged, OrganizationDeleted,
        EventTypeCreated, EventTypeReplaced, EventTypeDeleted, PortalLinkCreated, PortalLinkRevoked,
        OperatorSignedIn, OperatorSignedOut,
    ];
}
