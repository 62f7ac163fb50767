// The values that examples of the API reference share, so that one story runs through all of them.

namespace Dispatcher.Platform;

/// <summary>One afternoon of one customer: all ids are of <see cref="Time"/>.</summary>
internal static class Examples
{
    public const string Uuid = "018aeb1c12007c3e8f1d2b3a4c5d6e7f";
    public const string Integration = Ids.Integration + Uuid;
    public const string Event = Ids.Event + Uuid;
    public const string Delivery = Ids.Delivery + Uuid;
    public const string ApiKey = Ids.ApiKey + Uuid;
    public const string Task = Ids.Task + Uuid;
    public const string AuditEntry = Ids.Audit + Uuid;
    public const string PortalSession = Ids.PortalSession + Uuid;

    public const string Time = "2023-10-01T12:00:00.000Z";
    public const string Later = "2023-10-01T12:01:00.000Z";
    public const string NextDay = "2023-10-02T12:00:00.000Z";

    public const string Organization = "acme";
    public const string Project = "invoices";
    public const string Inbox = "mail-1";
    public const string Job = "parse_XXX";
    public const string EventType = "job.completed";
    public const string Target = "https://example.com/hook";

    /// <summary>The first page's cursor of a list by id.</summary>
    public const string Cursor = "MDE4YWViMWMxMjAwN2MzZThmMWQyYjNhNGM1ZDZlN2Y";

    /// <summary>A secret that everybody knows: the vector that the libraries of receivers are tested with.</summary>
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    public const string Payload = """{"job_id":"parse_XXX","status":"successful"}""";

    public const string Usage =
        """
        {"pages_parsed":10,"extraction_input_tokens_used":0,"extraction_output_tokens_used":0,"ocr_input_tokens_used":0,"ocr_output_tokens_used":0,"signature_detected_pages":0,"strikethrough_detected_pages":0,"summarization_input_tokens_used":0,"summarization_output_tokens_used":0}
        """;
}
