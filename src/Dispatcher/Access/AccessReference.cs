// What the API reference says of organizations, projects and keys.

using Dispatcher.Platform;

namespace Dispatcher.Access;

internal static class AccessReference
{
    private static readonly Parameter Organization = Parameter.Identifier("id", "The organization's id.", Examples.Organization);
    private static readonly Parameter Project = Parameter.Identifier("id", "The project's id.", Examples.Project);
    private static readonly Parameter Key = Parameter.Id("id", Ids.ApiKey, "The key's id, not the key itself.");

    public static readonly Operation CreateOrganization = new(
        "createOrganization", "Create an organization",
        "Makes an organization, and in it the project `default`. When the answer comes, both are stored.")
    {
        Location = "/organizations/acme",
        Answers = new Dictionary<int, string> { [409] = "There is an organization of this id, or the `Idempotency-Key` was used with another request." },
    };

    public static readonly Operation ListOrganizations = new(
        "listOrganizations", "List organizations", "Every organization of this server, newest first. Changes nothing.");

    public static readonly Operation GetOrganization = new(
        "getOrganization", "Read an organization", "The organization. Changes nothing.")
    {
        Parameters = [Organization],
    };

    public static readonly Operation ChangeOrganization = new(
        "changeOrganization", "Rename an organization, or change how long its data is kept",
        "Merges what is given into the organization (RFC 7396): members that are absent stay as they are. A new retention holds for what is accepted " +
        "from then on. Repeating the call changes nothing further.")
    {
        Parameters = [Organization],
    };

    public static readonly Operation DeleteOrganization = new(
        "deleteOrganization", "Delete an organization that has no integrations left, with its keys and all its data",
        "Deletes the organization with its projects, keys and jobs; its keys stop working. Its events, deliveries, attempts, statistics and audit entries are " +
        "erased; what takes longer goes on in the background. Repeated, it answers 404.")
    {
        Parameters = [Organization],
        Answers = new Dictionary<int, string> { [409] = "It still has integrations, or it is `default`, which always exists." },
    };

    public static readonly Operation CreateProject = new(
        "createProject", "Create a project",
        "Makes a project in the organization. Projects need not be made before integrations, events and jobs name them; made ones are listed, and keys can be shown for them.")
    {
        Location = "/projects/invoices",
        Answers = new Dictionary<int, string> { [409] = "There is a project of this id, or the `Idempotency-Key` was used with another request." },
    };

    public static readonly Operation ListProjects = new(
        "listProjects", "List projects", "The organization's projects, newest first; a key of one project sees that one. Changes nothing.");

    public static readonly Operation GetProject = new(
        "getProject", "Read a project", "The project; a key of one project sees that one. Changes nothing.")
    {
        Parameters = [Project],
    };

    public static readonly Operation DeleteProject = new(
        "deleteProject", "Delete a project that has no integrations left",
        "Deletes the project, revokes its keys and ends its portal sessions. Events and jobs of it stay readable until their retention ends. Repeated, it answers 404.")
    {
        Parameters = [Project],
        Answers = new Dictionary<int, string> { [409] = "It still has integrations, or it is `default`, which always exists." },
    };

    public static readonly Operation CreateKey = new(
        "createApiKey", "Create a key; it is shown this once",
        "Makes a key. Only its hash is stored: the answer is the only place where it can be read. Operators make keys of every role for every " +
        "organization; an admin makes keys of at most its own scope, and no operator keys.")
    {
        Location = "/api-keys/" + Examples.ApiKey,
    };

    public static readonly Operation ListKeys = new(
        "listApiKeys", "List keys",
        "Keys that are not revoked, newest first, without the keys themselves. Operators see those of every organization, an admin those of its own scope. Changes nothing.")
    {
        Parameters = [Parameter.Identifier("organization", "Only keys of this organization, for operators. Absent: of all. Other keys have one organization and may name no other.", Tenant.Default)],
    };

    public static readonly Operation GetKey = new(
        "getApiKey", "Read a key: what it is for, never the key itself",
        "A key that is not revoked. Operators read those of every organization, an admin those of its own scope. Changes nothing.")
    {
        Parameters = [Key],
    };

    public static readonly Operation RevokeKey = new(
        "revokeApiKey", "Revoke a key",
        "The key stops working: at once on this node, within 5 seconds on every other. Repeated, it answers 404.")
    {
        Parameters = [Key],
    };
}
