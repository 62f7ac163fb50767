// The refusals that mean the same in every operation: each one a component of the API reference, with an example.

using System.Globalization;
using System.Text.Json;
using Microsoft.OpenApi;

namespace Dispatcher.Platform;

/// <summary>A way in which calls are refused.</summary>
/// <param name="Name">Its name among the document's responses.</param>
/// <param name="Description">When it is given.</param>
/// <param name="Example">One such answer.</param>
internal sealed record Refusal(string Name, string Description, Problem Example);

internal static class OpenApiRefusals
{
    public static readonly IReadOnlyDictionary<int, Refusal> ByStatus = new List<Refusal>
    {
        new("Malformed", "The body is not JSON, or not of the kind that is asked for; or the query holds U+0000.",
            Problem.Malformed("The body is not JSON: line 1, byte 9.")),
        new("NotAuthenticated", "There is no key, or it is unknown, revoked or expired.",
            Problem.Unauthenticated("The key is unknown, revoked or expired.")),
        new("NotAllowed", "The key's role may not do this, or it is bound to another project.",
            Problem.Forbidden("A key of role member may not do this.")),
        new("NotFound", "There is no such thing, or it is another tenant's: the two look the same.",
            Problem.NotFound("There is no organization \"acme\".")),
        new("Conflict", "It conflicts with what is there, or the `Idempotency-Key` was used with another request.",
            Problem.Conflict("This Idempotency-Key was used with another request within the last 24 hours.")),
        new("TooSlow", "The body did not arrive in time, and the connection is closed.",
            Problem.TooSlow("The body came too slowly.")),
        new("TooLarge", "The body is larger than this operation takes.",
            Problem.TooLarge("The body is larger than 524288 bytes.")),
        new("Invalid", "A member or a parameter breaks a rule: `errors` names each one, with what is wrong with it.",
            Problem.Invalid("limit", "must be a whole number from 1 to 250.")),
        new("TooManyRequests", "Too many requests with this key; `Retry-After` says when to come back.",
            Problem.Busy("Too many requests with this key.")),
        new("Unforeseen", "The server failed in a way that it did not foresee; its log says more.",
            new Problem("Internal error", 500, "The server failed in a way it did not foresee; its log says more.")),
        new("StoreUnavailable", "The database cannot be reached. What was asked may have been done or not; what has an `id` of its own is safe to repeat.",
            Problem.Unavailable(ProblemMiddleware.UnavailableDetail(HttpMethods.Post))),
    }.ToDictionary(r => r.Example.Status);

    public static void AddTo(OpenApiDocument document)
    {
        foreach (var refusal in ByStatus.Values) document.AddComponent(refusal.Name, Answer(refusal, refusal.Description, document));
    }

    /// <summary>The answer of one operation: the component, or the same in its own words.</summary>
    public static IOpenApiResponse Of(int status, string? description, OpenApiDocument document) => description is null
        ? new OpenApiResponseReference(ByStatus[status].Name, document)
        : Answer(ByStatus[status], description, document);

    private static OpenApiResponse Answer(Refusal refusal, string description, OpenApiDocument document) => new()
    {
        Description = description,
        Headers = HeadersOf(refusal.Example.Status),
        Content = new Dictionary<string, OpenApiMediaType>
        {
            [OpenApi.ProblemJson] = new()
            {
                Schema = new OpenApiSchemaReference(nameof(Problem), document),
                Example = JsonSerializer.SerializeToNode(refusal.Example, WireJson.Default.Problem),
            },
        },
    };

    private static Dictionary<string, IOpenApiHeader>? HeadersOf(int status) => status switch
    {
        401 => new() { ["WWW-Authenticate"] = new OpenApiHeader { Description = "How to send a key.", Schema = new OpenApiSchema { Type = JsonSchemaType.String }, Example = "Bearer" } },
        429 or 503 => new()
        {
            ["Retry-After"] = new OpenApiHeader
            {
                Description = "In how many seconds to try again.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = 1.ToString(CultureInfo.InvariantCulture) },
                Example = 1,
            },
        },
        _ => null,
    };
}
