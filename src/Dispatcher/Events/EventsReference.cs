// What the API reference says of events and of the catalogue of their types.

using Dispatcher.Platform;

namespace Dispatcher.Events;

internal static class EventsReference
{
    private static readonly Parameter Type = Parameter.Text("name", "The event type's name.", Examples.EventType, EventNames.MaxLength, EventNames.Pattern);

    private const string OneEvent = """{"type":"job.completed","payload":{"job_id":"parse_XXX","status":"successful"},"id":"parse_XXX-completed"}""";

    private const string AnotherEvent = """{"type":"job.failed","payload":{"job_id":"parse_YYY","status":"failure"}}""";

    public static readonly Operation Publish = new(
        "publishEvent", "Publish an event",
        "Makes a delivery for each integration that the event matches. When the answer comes, the event and its deliveries are durable: they survive the " +
        "death of any node. With an `id` of the caller's own the call can be repeated safely for as long as events are kept.")
    {
        Requests = new Dictionary<string, string>
        {
            ["The minimum"] = """{"type":"job.completed","payload":{"job_id":"parse_XXX","status":"successful"}}""",
            ["Every member"] =
                """
                {"type":"job.completed","payload":{"job_id":"parse_XXX","status":"successful"},"id":"parse_XXX-completed",
                 "project":"invoices","inbox":"mail-1","ordering_key":"parse_XXX"}
                """,
        },
        Location = "/events/" + Examples.Event,
        Answers = new Dictionary<int, string>
        {
            [200] = "An event of this `id` was published before: this is that one, and nothing new is sent.",
            [202] = "The event and its deliveries are durable.",
            [413] = "The payload, or the whole body, is larger than this server takes.",
        },
    };

    public static readonly Operation PublishBatch = new(
        "publishEvents", "Publish up to 1,000 events, as a JSON array or as NDJSON",
        "Each item is an event as in `POST /events`, and is answered for in its place; a bad one does not sink the rest. When the answer comes, those that " +
        "have an id in it are durable, with their deliveries. NDJSON must say so in its content type.")
    {
        Requests = new Dictionary<string, string>
        {
            ["Two events"] = $"""[{OneEvent},{AnotherEvent}]""",
        },
        Answers = new Dictionary<int, string> { [202] = "Each item's answer, in the order of the batch. The status says nothing of single items." },
    };

    public static readonly Operation List = new(
        "listEvents", "List events, newest first", "Filters are combined with and. " + BoundedSearch.Description + " Changes nothing.")
    {
        Parameters =
        [
            Parameter.Text("type", "Only events of this type.", Examples.EventType, EventNames.MaxLength, EventNames.Pattern),
            Parameter.Identifier("project", "Only events of this project.", Examples.Project),
            Parameter.Identifier("inbox", "Only events of this inbox.", Examples.Inbox),
            Parameter.Time("since", "Only events accepted at this time or later."),
            Parameter.Time("until", "Only events accepted before this time."),
        ],
    };

    public static readonly Operation Get = new(
        "getEvent", "Read an event with its payload and its deliveries", "The payload stands in the answer byte for byte as it was published. Changes nothing.")
    {
        Parameters = [Parameter.Identifier("id", "The event's id, or the dedupe id that its caller gave it.", Examples.Event)],
    };

    public static readonly Operation ListTypes = new(
        "listEventTypes", "List the catalogue", "Every event type of the catalogue, by name: those that jobs and the server itself emit, and those that were added. Changes nothing.");

    public static readonly Operation ReadType = new("getEventType", "Read an event type", "One event type with its example. Changes nothing.") { Parameters = [Type] };

    public static readonly Operation CreateType = new(
        "createEventType", "Add an event type",
        "Adds a type to the catalogue, which the portal shows and tests use. Events of types that are not in it may be published all the same.")
    {
        Location = "/event-types/invoice.paid",
        Answers = new Dictionary<int, string> { [409] = "There is an event type of this name, or the `Idempotency-Key` was used with another request." },
    };

    public static readonly Operation ReplaceType = new(
        "replaceEventType", "Replace an event type",
        "Sets description, example and deprecation; members that are absent take their defaults again. A type cannot be renamed. Repeating the call changes nothing further.")
    {
        Parameters = [Type],
        Requests = new Dictionary<string, string>
        {
            ["Deprecate"] = """{"description":"An invoice was paid in full.","example":{"invoice":"in_1","amount":1200},"deprecated":true}""",
        },
    };

    public static readonly Operation DeleteType = new(
        "deleteEventType", "Remove an event type",
        "Takes the type out of the catalogue; events of it may still be published. One that jobs or the server emit is back after the next start. Repeated, it answers 404.")
    {
        Parameters = [Type],
    };
}
