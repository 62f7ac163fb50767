// What the API reference says of the audit trail.

using Dispatcher.Access;
using Dispatcher.Platform;

namespace Dispatcher.Auditing;

internal static class AuditReference
{
    public static readonly Operation List = new(
        "listAuditEntries", "List who changed what, newest first",
        "Filters are combined with and. A key of one project reads what concerns its project. Operators read one organization's entries, or with " +
        "`scope=server` those that belong to none: of organizations, operator keys and event types. Publishing events and moving jobs leaves no " +
        "entries; events and deliveries tell of that. " + BoundedSearch.Description + " Changes nothing.")
    {
        Parameters =
        [
            Parameter.OneOf("action", "Only entries of this action.", AuditAction.All),
            Parameter.Identifier("actor", "Only what this actor did: its id, or its kind, which is `key`, `operator_key`, `portal` or `server`.", Examples.ApiKey),
            Parameter.Identifier("target", "Only what was done to this: its id, or an event type's name.", Examples.Integration),
            Parameter.Time("since", "Only what was done at this time or later."),
            Parameter.Time("until", "Only what was done before this time."),
            Parameter.OneOf("scope", "Instead of an organization's entries the server's own, for operators.", [AuditApi.ServerScope]),
        ],
        Answers = new Dictionary<int, string> { [403] = "The key's role may not read it, or it asks for the server's own entries and is no operator's." },
    };

    public static readonly Operation Get = new("getAuditEntry", "Read an entry of the audit trail", "The entry. Changes nothing.")
    {
        Parameters = [Parameter.Id("id", Ids.Audit, "The entry's id.")],
    };
}
