// What the API reference says of integrations.

using Dispatcher.Platform;

namespace Dispatcher.Integrations;

internal static class IntegrationsReference
{
    private static readonly Parameter Id = Parameter.Id("id", Ids.Integration, "The integration's id.");

    private static readonly Dictionary<string, string> Requests = new()
    {
        ["The minimum"] = """{"type":"webhook","events":["document_predict"],"target":"https://example.com/hook"}""",
        ["Every setting"] =
            """
            {"type":"webhook","name":"ERP","events":["job.*","document_predict"],"target":"https://example.com/hook",
             "headers":{"Authorization":"Bearer abcdefg"},"project":"invoices","inbox":"mail-1","enabled":true,
             "rate_limit_per_second":50,"max_concurrency":20,"timeout_seconds":15,
             "retry":{"base_seconds":2,"max_attempts":10},"ordering":"none","metadata":{"team":"erp"}}
            """,
    };

    private static readonly Dictionary<int, string> ChangedMeanwhile = new() { [409] = "It was changed by somebody else meanwhile: read it again." };

    public static readonly Operation Create = new(
        "createIntegration", "Register an integration; answers with its signing secret",
        "Registers a webhook endpoint. When the answer comes, it is stored, and events that are accepted from then on reach it. The answer shows the " +
        "signing secret.")
    {
        Requests = Requests,
        Location = "/integrations/" + Examples.Integration,
    };

    public static readonly Operation List = new(
        "listIntegrations", "List integrations, newest first",
        "The organization's integrations; a key of one project sees those of its project. Header values and passwords are masked. Changes nothing.");

    public static readonly Operation Get = new(
        "getIntegration", "Read an integration", "One integration, header values and passwords masked. Changes nothing.")
    {
        Parameters = [Id],
    };

    public static readonly Operation Replace = new(
        "replaceIntegration", "Replace an integration's settings",
        "Sets every setting: members that are absent take their defaults again. A masked value keeps what is there. What waits for the integration goes " +
        "out by the new settings. Repeating the call changes nothing further.")
    {
        Parameters = [Id],
        Requests = Requests,
        Answers = ChangedMeanwhile,
    };

    public static readonly Operation Change = new(
        "changeIntegration", "Change some of an integration's settings",
        "Merges what is given into the integration (RFC 7396): members that are absent stay as they are, and null takes one away. A masked value keeps " +
        "what is there. `enabled` set to true lets what waits go out again. Repeating the call changes nothing further.")
    {
        Parameters = [Id],
        Requests = new Dictionary<string, string>
        {
            ["Pause"] = """{"enabled":false}""",
            ["Change a header and remove the rate limit"] = """{"headers":{"X-Api-Token":"hijklmn"},"rate_limit_per_second":null}""",
        },
        Answers = ChangedMeanwhile,
    };

    public static readonly Operation Delete = new(
        "deleteIntegration", "Delete an integration and cancel what waits for it",
        "Nothing more is sent to it, and its secrets, header values and passwords are gone when the answer comes. Its deliveries stay readable until " +
        "their retention ends. Repeated, it answers 404.")
    {
        Parameters = [Id],
    };

    public static readonly Operation GetSecret = new(
        "getIntegrationSecret", "Read the signing secret", "The current secret, and those whose grace has not ended. The audit trail notes who read it.")
    {
        Parameters = [Id],
    };

    public static readonly Operation Rotate = new(
        "rotateIntegrationSecret", "Rotate the signing secret; the old one signs too until its grace ends",
        "Makes a new secret, or takes the given one. Webhooks carry a signature by each live secret, so that receivers can change over without losing one. " +
        "A body need not be sent.")
    {
        Parameters = [Id],
        Requests = new Dictionary<string, string>
        {
            ["A new secret, and a day of grace"] = "{}",
            ["A secret of the caller's own, at once"] = $$"""{"grace_seconds":0,"secret":"{{Examples.Secret}}"}""",
        },
        Answers = new Dictionary<int, string> { [409] = "Ten secrets are live, this one is live already, or the `Idempotency-Key` was used with another request." },
    };

    public static readonly Operation Test = new(
        "testIntegration", "Send an event type's example, or a payload of your own, to this integration now",
        "Publishes an event for this integration alone, whatever it subscribes to. When the answer comes, the event and its delivery " +
        "are durable. Such events are never replayed.")
    {
        Parameters = [Id],
        Location = "/deliveries/" + Examples.Delivery,
        Answers = new Dictionary<int, string> { [409] = "It is disabled: nothing is sent to it. Or the `Idempotency-Key` was used with another request." },
    };
}
