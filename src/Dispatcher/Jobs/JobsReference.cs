// What the API reference says of jobs.

using Dispatcher.Platform;

namespace Dispatcher.Jobs;

internal static class JobsReference
{
    private const string Emitted = " The change and the events that it emits are one transaction: when the answer comes, all of it is durable.";

    public static readonly Operation Create = new(
        "createJob", "Create a job; emits that it was created", "Makes a job in the state `pending`, and emits that state's events." + Emitted)
    {
        Requests = new Dictionary<string, string>
        {
            ["A document job"] = """{"kind":"document_predict","id":"parse_XXX"}""",
            ["A workflow's run"] = """{"kind":"workflow","id":"invocation_XXXX","workflow_name":"workflow_XXXX"}""",
        },
        Location = "/jobs/" + Examples.Job,
        Answers = new Dictionary<int, string>
        {
            [201] = "The job is made, and its events are durable.",
            [409] = "There is a job of this id, or the `Idempotency-Key` was used with another request.",
        },
    };

    public static readonly Operation Move = new(
        "moveJob", "Move a job to a state; emits that state's events",
        "`pending` moves to `processing` or to an end state, `processing` to an end state: `successful`, `failure` or `cancelled`. Moving to the state that the " +
        "job is in answers 200, changes nothing and emits nothing, so that the call can be repeated." + Emitted)
    {
        Parameters = [Id("id")],
        Requests = new Dictionary<string, string>
        {
            ["Begun"] = """{"status":"processing"}""",
            ["Done"] = $$"""{"status":"successful","usage":{{Examples.Usage.Trim()}}}""",
            ["Failed"] = """{"status":"failure","error":"The document could not be read."}""",
            ["A workflow's end"] = """{"status":"successful","fn_status":{"fn_A":"success","fn_B":"failure"}}""",
        },
        Answers = new Dictionary<int, string> { [409] = "The job's state does not allow this move: end states are final." },
    };

    public static readonly Operation Batch = new(
        "changeJobs", "Create and move up to 1,000 jobs",
        "An item with `kind` creates a job, one with `id` and `status` moves one; each is answered for in its place, and a bad one does not sink the rest. All that " +
        "is done is one transaction with the events that it emits: when the answer comes, it is durable.")
    {
        Requests = new Dictionary<string, string>
        {
            ["A creation and a move"] = """[{"kind":"document_predict","id":"parse_XXX"},{"id":"parse_YYY","status":"successful"}]""",
        },
        Answers = new Dictionary<int, string> { [202] = "Each item's answer, in the order of the batch. The status says nothing of single items." },
    };

    public static readonly Operation Get = new("getJob", "Read a job", "One job with its state and what was said of it. Changes nothing.") { Parameters = [Id("id")] };

    public static readonly Operation Poll = new(
        "pollJob", "Read a job, on the path that polling clients know", "The same as `GET /jobs/{id}`. Changes nothing.")
    {
        Parameters = [Id("job_id")],
    };

    private static Parameter Id(string name) => Parameter.Identifier(name, "The job's id.", Examples.Job);
}
