// What the API reference says of recoveries and replays.

using Dispatcher.Platform;

namespace Dispatcher.Recoveries;

internal static class RecoveriesReference
{
    private static readonly Parameter Integration = Parameter.Id("id", Ids.Integration, "The integration's id.");
    private static readonly Parameter Id = Parameter.Id("task", Ids.Task, "The task's id.");
    private static readonly string Location = $"/integrations/{Examples.Integration}/tasks/{Examples.Task}";

    private static readonly Dictionary<int, string> Refused = new()
    {
        [409] = "It is disabled, too many of its tasks have not finished, or the `Idempotency-Key` was used with another request.",
    };

    public static readonly Operation Recover = new(
        "recoverIntegration", "Send every exhausted delivery of a span again",
        "Queues a task that makes each exhausted delivery of the span due again, with a new round of attempts. When the answer comes, the task is durable, " +
        "and some node works it off; `count` says how many deliveries it found. Asked twice, nothing is sent twice: what waits again is not exhausted.")
    {
        Parameters = [Integration],
        Location = Location,
        Answers = Refused,
    };

    public static readonly Operation Replay = new(
        "replayIntegration", "Deliver the matching events of a span that it never got",
        "Queues a task that makes a delivery for each event of the span that matches the integration now and has none for it: because it was disabled, " +
        "subscribed to less, or not yet registered. When the answer comes, the task is durable, and some node works it off. Asked twice, nothing is sent twice.")
    {
        Parameters = [Integration],
        Location = Location,
        Answers = Refused,
    };

    public static readonly Operation List = new(
        "listIntegrationTasks", "List what was asked of recover and replay, newest first", "An integration's tasks, those that have ended too. Changes nothing.")
    {
        Parameters = [Integration],
    };

    public static readonly Operation Get = new(
        "getIntegrationTask", "Read how far a recovery or a replay has come", "One task. Changes nothing.")
    {
        Parameters = [Integration, Id],
    };

    public static readonly Operation Cancel = new(
        "cancelIntegrationTask", "End a recovery or a replay",
        "Ends the task after the step that is under way. What was made due until then is sent; the rest stays as it was, and can be asked for again.")
    {
        Parameters = [Integration, Id],
        Answers = new Dictionary<int, string> { [409] = "It has ended already, or the `Idempotency-Key` was used with another request." },
    };
}
